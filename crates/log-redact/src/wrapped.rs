//! Tokens and keys in base64 that are wrapped: lines of one width, without a space.

use crate::kinds::Alphabet;
use crate::ranges::Ranges;
use crate::tokens::is_all;
use crate::value::{Randomness, randomness};

/// The minimum width of wrapped lines.
pub(crate) const MIN_WIDTH: usize = 40;

/// A secret that reaches the end of its line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrapped {
    /// The width of its lines.
    width: usize,
    /// How many lines it has so far.
    lines: usize,
    /// Whether it has letters that a number in hexadecimal has not. Then a line that is such a number is no part of it.
    is_wide: bool,
}

impl Wrapped {
    /// The secret at the end of a line, if the line is wide enough to be wrapped.
    pub(crate) fn at_end(line: &str, secret_from: usize) -> Option<Self> {
        let secret = &line[secret_from..];
        let is_candidate =
            line.len() >= MIN_WIDTH && secret.len() >= 16 && is_all(Alphabet::Base64, secret);
        is_candidate.then(|| Self {
            width: line.len(),
            lines: 1,
            is_wide: !is_hex(secret),
        })
    }

    /// Hides the next line if it is a part of the secret. Returns whether the secret may go on after it.
    pub(crate) fn next_line(&mut self, line: &str, hidden: &mut Ranges) -> bool {
        // `=` pads the end of a secret. Before that it ties a value to a name, and such a line stands for itself.
        let is_pair = line.trim_end_matches('=').contains('=');
        let is_part = is_all(Alphabet::Base64, line)
            && !is_pair
            && !(self.is_wide && is_hex(line))
            && (randomness(line) == Randomness::Random || line.ends_with('='));
        let is_full = is_part && line.len() == self.width;
        // A last, shorter line counts only behind two full ones: then the width is visible.
        let is_last = is_part && line.len() < self.width && self.lines >= 2;
        if is_full || is_last {
            hidden.add(0..line.len());
            self.lines += 1;
        }
        is_full
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
