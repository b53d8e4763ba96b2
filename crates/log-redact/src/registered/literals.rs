//! Finds texts as they are, also across line ends.
//!
//! A text goes over a line end in two cases. It has a line end itself there: the automaton is fed the line end. Or the
//! tool has wrapped it: then the automaton goes on in the next line as if there was no line end. The second case needs
//! proof, because short ends and beginnings of lines fit together by chance.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

use crate::ranges::Ranges;
use crate::tokens::is_base64;
use crate::wrapped::MIN_WIDTH;

/// A text of which this much is on one side of a line end is wrapped there.
const LONG_PART: usize = 16;

/// The least that is on the other side, unless it is a whole line.
const SHORT_PART: usize = 4;

/// The automaton for texts as they are.
pub(super) struct Literals {
    automaton: NFA,
    start: StateID,
    /// The bytes that have a meaning in the start state. All others are skipped.
    relevant: [bool; 256],
    /// For the states in which a text has begun: how much of it. Sorted by state.
    partial: Vec<(u32, Partial)>,
}

/// How much of a text has been read.
#[derive(Debug, Clone, Copy, Default)]
struct Partial {
    /// How many of the last bytes are the beginning of a text.
    depth: u32,
    /// The length of the shortest such text.
    len: u32,
}

/// What the lines so far have begun.
#[derive(Debug, Clone)]
pub(crate) struct Carry {
    /// The state behind the line end.
    state: Option<StateID>,
    /// How much of a text with a line end the last bytes are, with their line ends.
    with_line_ends: usize,
    /// A text that may be wrapped.
    wrap: Option<Wrap>,
    /// The width of the last line, if it is a line of base64 that may be wrapped.
    base64_width: Option<usize>,
}

impl Carry {
    pub(crate) const NEW: Self = Self {
        state: None,
        with_line_ends: 0,
        wrap: None,
        base64_width: None,
    };

    /// How many of the last bytes are the beginning of a text that may be wrapped.
    pub(crate) fn begun(&self) -> usize {
        self.wrap.map_or(0, |wrap| wrap.depth)
    }

    /// How many of the last bytes are the beginning of a text with line ends. The line ends count.
    pub(crate) const fn begun_with_line_ends(&self) -> usize {
        self.with_line_ends
    }

    /// Whether the last bytes are the beginning of a text.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun() > 0 || self.with_line_ends > 0
    }

    /// How many of the last bytes are hidden if the text does not go on: most of a secret.
    pub(crate) fn hidden_if_it_ends(&self) -> usize {
        self.wrap.map_or(0, Wrap::hidden_if_it_ends)
    }
}

/// A text whose beginning reaches the end of a line.
#[derive(Debug, Clone, Copy)]
struct Wrap {
    state: StateID,
    depth: usize,
    /// The length of the shortest text that begins like this.
    len: usize,
}

impl Wrap {
    const fn hidden_if_it_ends(self) -> usize {
        if self.depth >= LONG_PART && self.depth * 2 >= self.len {
            self.depth
        } else {
            0
        }
    }
}

/// How much of the lines before this one is hidden too. The bytes are counted back from the end of the line before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Across {
    /// Of a text with line ends. The line ends count.
    pub(crate) with_line_ends: usize,
    /// Of a wrapped text. Line ends do not count.
    pub(crate) wrapped: usize,
}

impl Literals {
    pub(super) fn new(texts: &BTreeSet<Vec<u8>>) -> Result<Self, BuildError> {
        // `Standard` finds overlapping matches too, and its states know each beginning.
        let automaton = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(texts)?;
        // An automaton of this kind can always start unanchored. If not, its first state would be right as well.
        let start = automaton.start_state(Anchored::No).unwrap_or(StateID::ZERO);
        let mut relevant = [false; 256];
        for (byte, relevant) in (0..=u8::MAX).zip(&mut relevant) {
            *relevant = automaton.next_state(Anchored::No, start, byte) != start;
        }
        let partial = partial_texts(&automaton, start, texts);
        Ok(Self {
            automaton,
            start,
            relevant,
            partial,
        })
    }

    /// Reads the next line. Adds what is hidden of it.
    pub(super) fn next_line(&self, line: &str, carry: &mut Carry, hidden: &mut Ranges) -> Across {
        let bytes = line.as_bytes();
        let is_encoded = bytes.iter().all(|b| is_base64(*b));
        let is_wide = is_encoded && bytes.len() >= MIN_WIDTH;
        let is_rest = is_encoded && carry.base64_width.is_some_and(|width| bytes.len() <= width);
        let mut across = Across::default();
        let wrap = carry
            .wrap
            .take()
            .and_then(|wrap| self.unwrap(wrap, bytes, is_rest, hidden, &mut across));

        let mut state = carry.state.unwrap_or(self.start);
        let mut at = 0;
        while at < bytes.len() {
            if state == self.start {
                at += bytes[at..]
                    .iter()
                    .take_while(|b| !self.relevant[usize::from(**b)])
                    .count();
                if at == bytes.len() {
                    break;
                }
            }
            state = self.automaton.next_state(Anchored::No, state, bytes[at]);
            at += 1;
            if let Some(len) = self.longest_match(state) {
                hidden.add(at.saturating_sub(len)..at);
                across.with_line_ends = across.with_line_ends.max(len.saturating_sub(at));
            }
        }

        carry.wrap = wrap.or_else(|| self.begin_wrap(state, bytes.len(), is_wide));
        carry.base64_width = (is_wide || is_rest)
            .then_some(bytes.len())
            .filter(|width| *width >= MIN_WIDTH);
        state = self.automaton.next_state(Anchored::No, state, b'\n');
        carry.with_line_ends = self.partial(state).depth as usize;
        carry.state = Some(state);
        across
    }

    /// Goes on with a wrapped text in the next line. Returns what goes on behind that line.
    fn unwrap(
        &self,
        wrap: Wrap,
        line: &[u8],
        is_base64: bool,
        hidden: &mut Ranges,
        across: &mut Across,
    ) -> Option<Wrap> {
        let mut state = wrap.state;
        let mut found = false;
        for (byte, at) in line.iter().zip(1..) {
            state = self.automaton.next_state(Anchored::No, state, *byte);
            if let Some(len) = self.longest_match(state).filter(|len| *len > at) {
                let before = len - at;
                let is_whole = at >= SHORT_PART || at == line.len();
                let is_proved =
                    (before >= LONG_PART && is_whole) || (at >= LONG_PART && before >= SHORT_PART);
                if is_base64 || is_proved {
                    hidden.add(0..at);
                    across.wrapped = across.wrapped.max(before);
                    found = true;
                }
            }
            if self.partial(state).depth as usize <= at {
                break;
            }
        }
        let partial = self.partial(state);
        if partial.depth as usize > line.len() && !line.is_empty() {
            return Some(Wrap {
                state,
                depth: partial.depth as usize,
                len: partial.len as usize,
            });
        }
        if !found {
            across.wrapped = across.wrapped.max(wrap.hidden_if_it_ends());
        }
        None
    }

    fn begin_wrap(&self, state: StateID, line_len: usize, is_base64: bool) -> Option<Wrap> {
        let partial = self.partial(state);
        let depth = (partial.depth as usize).min(line_len);
        let least = if is_base64 { 1 } else { SHORT_PART };
        (depth >= least).then_some(Wrap {
            state,
            depth,
            len: partial.len as usize,
        })
    }

    /// The length of the longest text that ends in a state.
    fn longest_match(&self, state: StateID) -> Option<usize> {
        // The texts of a state come before those of its suffixes, so the first one is the longest.
        self.automaton.is_match(state).then(|| {
            self.automaton
                .pattern_len(self.automaton.match_pattern(state, 0))
        })
    }

    fn partial(&self, state: StateID) -> Partial {
        if state == self.start {
            return Partial::default();
        }
        let found = self
            .partial
            .binary_search_by_key(&state.as_u32(), |(state, _)| *state);
        found.map_or_else(|_| Partial::default(), |index| self.partial[index].1)
    }
}

/// Feeds each text to the automaton. The state after `n` bytes means that these bytes have been read. Behind the last byte
/// of a text only a part of it may be the beginning of another one.
fn partial_texts(
    automaton: &NFA,
    start: StateID,
    texts: &BTreeSet<Vec<u8>>,
) -> Vec<(u32, Partial)> {
    let mut known: BTreeMap<u32, Partial> = BTreeMap::new();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    for text in texts {
        let mut state = start;
        for (byte, depth) in text.iter().zip(1..text.len()) {
            state = automaton.next_state(Anchored::No, state, *byte);
            let partial = known.entry(state.as_u32()).or_insert_with(|| Partial {
                depth: number(depth),
                len: u32::MAX,
            });
            partial.len = partial.len.min(number(text.len()));
        }
    }
    let mut ends = Vec::new();
    for text in texts {
        let go = |state, byte: &u8| automaton.next_state(Anchored::No, state, *byte);
        let end = text.iter().fold(start, go).as_u32();
        let mut rest = text.iter().skip(1).fold(start, go).as_u32();
        // The rest may be a whole text itself.
        if !known.contains_key(&end) {
            if texts.contains(&text[1..]) && !known.contains_key(&rest) {
                rest = text.iter().skip(2).fold(start, go).as_u32();
            }
            if let Some(partial) = known.get(&rest) {
                ends.push((end, *partial));
            }
        }
    }
    known.extend(ends);
    known.into_iter().collect()
}
