//! Registered secrets: the texts that somebody said to hide.
//!
//! Two automata find them. One sees the text as it is, and finds the secret itself, its hexadecimal digits and its base64,
//! also across line ends. The other one sees the decoded text ([`decode`]) of one line, and finds every other writing.
//! Both read each byte once.

mod decode;
mod forms;
mod literals;

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use self::decode::{Decoded, Writings};
pub(crate) use self::forms::MIN_LEN;
use self::literals::Literals;
pub(crate) use self::literals::{Across, Carry};
use crate::ranges::Ranges;

/// The compiled secrets, shared by all channels.
pub(crate) struct Registered {
    literals: Literals,
    /// Finds the decoded secrets in a decoded text.
    decoded: AhoCorasick,
    /// How many texts are looked for.
    pub(crate) texts: usize,
}

/// The memory of a search, so that each line does not need its own.
#[derive(Debug, Default)]
pub(crate) struct Scratch(Decoded);

/// The most bytes of all texts together. The automata need up to about 60 times as much memory.
pub(crate) const MAX_TEXT: usize = 4 * 1024 * 1024;

impl Registered {
    /// Compiles secrets. `None` if there are too many.
    pub(crate) fn new(secrets: &BTreeSet<String>) -> Result<Option<Self>, BuildError> {
        let plain: BTreeSet<_> = secrets.iter().flat_map(|s| forms::plain(s)).collect();
        let decoded: BTreeSet<_> = secrets.iter().flat_map(|s| forms::decoded(s)).collect();
        let size: usize = plain.iter().chain(&decoded).map(Vec::len).sum();
        if size > MAX_TEXT {
            return Ok(None);
        }
        let texts = plain.len() + decoded.len();
        let decoded = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(decoded)?;
        let literals = Literals::new(&plain)?;
        Ok(Some(Self {
            literals,
            decoded,
            texts,
        }))
    }

    /// Adds the secrets in the next line. `carry` knows what the lines before it began.
    pub(crate) fn find(
        &self,
        line: &str,
        carry: &mut Carry,
        scratch: &mut Scratch,
        hidden: &mut Ranges,
    ) -> Across {
        self.find_decoded(line, scratch, hidden);
        self.literals.next_line(line, carry, hidden)
    }

    /// Adds the secrets in a line that has not ended, and the beginning of one at its end.
    pub(crate) fn find_open(&self, line: &str, carry: &Carry, hidden: &mut Ranges) {
        let mut carry = carry.clone();
        self.find(line, &mut carry, &mut Scratch::default(), hidden);
        let begun = carry.begun().min(line.len());
        if begun >= MIN_LEN {
            hidden.add(line.len() - begun..line.len());
        }
    }

    fn find_decoded(&self, line: &str, scratch: &mut Scratch, hidden: &mut Ranges) {
        // Without one of these the decoded text is the text itself.
        let is_written = |b: u8| {
            matches!(
                b,
                b'\\' | b'%' | b'&' | b'\'' | b'"' | b'$' | b'+' | b'^' | b'`'
            )
        };
        if self.decoded.patterns_len() == 0 || !line.bytes().any(is_written) {
            return;
        }
        let decoded = &mut scratch.0;
        decoded.decode(line, Writings::ALL);
        for hit in self.decoded.find_overlapping_iter(&decoded.bytes) {
            hidden.add(decoded.source(hit.range()));
        }
    }
}
