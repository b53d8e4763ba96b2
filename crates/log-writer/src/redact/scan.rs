//! Finds secrets in a text that comes in pieces: one pass, one automaton, each byte looked at once.
//!
//! Positions count the bytes of the text with its line ends taken out, so that a secret is found across them. The
//! automaton finds registered secrets whole, and the beginnings of everything else ([`super::candidate`]).
//!
//! **Invariant:** what a scanner has called decided never changes, and it does not depend on how the text was cut into
//! pieces.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};

use super::candidate::{Candidate, PrivateKey, Rule, Step, TokenRun, Userinfo, Value};
use super::keys::{MAX_NAME, Named, is_name_byte, judge};
use super::rules::{Literal, Rules, is_separator};
use super::tokens::{Proof, TOKENS};

/// How much of the text before the newest byte is kept: a name with quotes and spaces around it.
const LOOK_BACK: usize = 2 * MAX_NAME;

/// Least part of a registered secret that is hidden where the rest has not come.
const LEAST_PART: u64 = 4;

/// Most values that may be open at a time; only those in quotes go on while another begins.
const MAX_VALUES: usize = 4;

#[derive(Debug)]
pub(super) struct Scanner {
    rules: Arc<Rules>,
    state: StateID,
    /// The last bytes of the text, and the position of the first of them.
    window: Vec<u8>,
    window_start: u64,
    /// The position of the first byte of this line.
    line_start: u64,
    candidates: Vec<Candidate>,
    /// What is to be hidden, in order and apart. The reader takes out what it has passed.
    hidden: Vec<Range<u64>>,
    /// Everything before was decided when nothing more came.
    floor: u64,
    /// How often a byte was shown to a candidate or was the end of something found: what takes the time.
    #[cfg(test)]
    pub(super) steps: usize,
}

impl Scanner {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self {
            state: rules.start(),
            rules,
            window: Vec::new(),
            window_start: 0,
            line_start: 0,
            candidates: Vec::new(),
            hidden: Vec::new(),
            floor: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// The position after the last byte.
    pub(super) fn position(&self) -> u64 {
        self.window_start + self.window.len() as u64
    }

    /// Where this line began.
    pub(super) const fn line_start(&self) -> u64 {
        self.line_start
    }

    /// Takes a piece of a line.
    pub(super) fn text(&mut self, piece: &str) {
        let first = self.window.len();
        self.window.extend_from_slice(piece.as_bytes());
        let rules = Arc::clone(&self.rules);
        let mut index = first;
        while index < self.window.len() {
            if self.state == rules.start() && self.candidates.is_empty() {
                index += rules.idle_len(&self.window[index..]);
                if index == self.window.len() {
                    break;
                }
            }
            self.byte(&rules, index);
            index += 1;
        }
        for index in 0..self.candidates.len() {
            self.hide_candidate(index);
        }
        let surplus = self.window.len().saturating_sub(LOOK_BACK);
        self.window.drain(..surplus);
        self.window_start += surplus as u64;
    }

    /// Takes a line end.
    pub(super) fn line_end(&mut self) {
        self.line_start = self.position();
        let mut index = 0;
        while index < self.candidates.len() {
            match self.candidates[index].line_end() {
                Step::GoesOn => index += 1,
                Step::Ends => self.end_candidate(index),
            }
        }
    }

    /// Decides about everything before a position, which is the end of a line or of the text: no more comes for a while.
    /// What is likely to be the beginning of a secret is hidden; what comes later is judged as ever.
    pub(super) fn settle(&mut self, floor: u64) {
        let begun = self.position() - self.rules.begun(self.state).secret;
        if floor.saturating_sub(begun) >= LEAST_PART {
            self.hide(begun..floor);
        }
        for index in 0..self.candidates.len() {
            let candidate = &self.candidates[index];
            if !candidate.certain && candidate.is_likely() {
                let from = candidate.from;
                self.hide(from..floor);
            }
        }
        self.floor = self.floor.max(floor);
    }

    /// Forgets what has begun: what follows is another text.
    pub(super) fn restart(&mut self) {
        self.state = self.rules.start();
        self.candidates.clear();
        self.window_start = self.position();
        self.window.clear();
        self.line_start = self.window_start;
    }

    /// Up to where it is known what is hidden.
    pub(super) fn decided(&self) -> u64 {
        let position = self.position();
        let begun = self.rules.begun(self.state);
        let mut decided = position - begun.secret;
        // The beginning of another rule's literal is no secret, so a line does not wait for the rest of it.
        let literal = position - begun.literal;
        decided = decided.min(literal.max(self.line_start));
        for candidate in &self.candidates {
            decided = decided.min(candidate.open_from());
        }
        decided = decided.max(self.floor);
        // Of what is hidden anyway there is nothing left to decide.
        match self.hidden_after(decided) {
            Some(hidden) if hidden.start <= decided => hidden.end.min(position),
            _ => decided,
        }
    }

    /// The first hidden range that ends after a position.
    pub(super) fn hidden_after(&self, position: u64) -> Option<&Range<u64>> {
        let index = self.hidden.partition_point(|hidden| hidden.end <= position);
        self.hidden.get(index)
    }

    /// Forgets what is hidden before a position.
    pub(super) fn passed(&mut self, position: u64) {
        if self
            .hidden
            .first()
            .is_some_and(|first| first.end <= position)
        {
            self.hidden.retain(|hidden| hidden.end > position);
        }
    }

    /// Takes the byte of the window at an index.
    fn byte(&mut self, rules: &Rules, index: usize) {
        let byte = self.window[index];
        if !self.candidates.is_empty() {
            self.feed_candidates(byte, self.window_start + index as u64);
        }
        self.state = rules.automaton.next_state(Anchored::No, self.state, byte);
        if rules.automaton.is_special(self.state) && rules.automaton.is_match(self.state) {
            self.found(rules, index);
        }
        if rules.patterns && is_separator(byte) {
            self.separator(index);
        }
    }

    fn feed_candidates(&mut self, byte: u8, at: u64) {
        #[cfg(test)]
        {
            self.steps += self.candidates.len();
        }
        let mut index = 0;
        while index < self.candidates.len() {
            match self.candidates[index].take(byte, at) {
                Step::GoesOn => index += 1,
                Step::Ends => self.end_candidate(index),
            }
        }
    }

    fn end_candidate(&mut self, index: usize) {
        self.hide_candidate(index);
        self.candidates.remove(index);
    }

    fn hide_candidate(&mut self, index: usize) {
        let candidate = &self.candidates[index];
        if candidate.certain {
            let range = candidate.from..candidate.to;
            self.hide(range);
        }
    }

    /// Hides a range, in one with those that it touches.
    fn hide(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self
            .hidden
            .partition_point(|hidden| hidden.end < range.start);
        let last = self
            .hidden
            .partition_point(|hidden| hidden.start <= range.end);
        let touched = &self.hidden[first..last];
        let start = touched
            .first()
            .map_or(range.start, |hidden| hidden.start.min(range.start));
        let end = touched
            .last()
            .map_or(range.end, |hidden| hidden.end.max(range.end));
        drop(self.hidden.splice(first..last, std::iter::once(start..end)));
    }

    /// The automaton has found something that ends with the byte at an index.
    fn found(&mut self, rules: &Rules, index: usize) {
        #[cfg(test)]
        {
            self.steps += rules.automaton.match_len(self.state);
        }
        for n in 0..rules.automaton.match_len(self.state) {
            let pattern = rules.automaton.match_pattern(self.state, n);
            let len = rules.automaton.pattern_len(pattern);
            let end = self.window_start + index as u64 + 1;
            let start = end.saturating_sub(len as u64);
            match rules.literals[pattern.as_usize()] {
                Literal::Secret => self.hide(start..end),
                Literal::Token(token) => self.begin_token(token, start),
                Literal::Scheme => self.begin_userinfo(start, end),
                Literal::KeyBlock => self.begin_private_key(end),
            }
        }
    }

    fn begin_token(&mut self, token: usize, start: u64) {
        let kind = &TOKENS[token];
        let is_running = |candidate: &Candidate| {
            // A run that has begun before holds everything that this one would.
            matches!(&candidate.rule, Rule::Token(run) if run.kind.prefix == kind.prefix)
        };
        let strict = kind.proof == Proof::Digit;
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || (strict && is_name_byte(byte));
        if !self.starts_word(start, is_inside) || self.candidates.iter().any(is_running) {
            return;
        }
        let run = Rule::Token(TokenRun::new(kind));
        // The part of a prefix that stands in the line before was let go with it.
        let from = start.max(self.line_start);
        self.candidates.push(Candidate::new(from, run));
    }

    fn begin_userinfo(&mut self, start: u64, end: u64) {
        // Without a scheme before `://` this is no address.
        if !self.starts_word(start, |byte| byte.is_ascii_alphanumeric()) {
            self.candidates
                .push(Candidate::new(end, Rule::Userinfo(Userinfo::default())));
        }
    }

    fn begin_private_key(&mut self, end: u64) {
        let is_running = |candidate: &Candidate| matches!(candidate.rule, Rule::PrivateKey(_));
        if !self.candidates.iter().any(is_running) {
            let key = Rule::PrivateKey(PrivateKey::default());
            self.candidates.push(Candidate::new(end, key));
        }
    }

    /// Whether no byte of the kind stands before a position, or the line begins there.
    fn starts_word(&self, position: u64, is_inside: impl Fn(u8) -> bool) -> bool {
        let before = position
            .checked_sub(self.window_start + 1)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.window.get(index));
        position == self.line_start || before.is_none_or(|byte| !is_inside(*byte))
    }

    /// A `=` or `:`: whether a secret's name stands before it.
    fn separator(&mut self, index: usize) {
        let values = self
            .candidates
            .iter()
            .filter(|c| matches!(c.rule, Rule::Value(_)));
        if values.count() >= MAX_VALUES {
            return;
        }
        // Always the same distance back, however the text was cut into pieces.
        let begin = index.saturating_sub(LOOK_BACK);
        let line = self
            .line_start
            .saturating_sub(self.window_start + begin as u64);
        let line = usize::try_from(line)
            .unwrap_or(usize::MAX)
            .min(index - begin);
        let Some(name) = name_before(&self.window[begin..index], line) else {
            return;
        };
        let separator = self.window[index];
        if name.named == Named::Header && separator == b'=' {
            return;
        }
        let is_tight = separator == b'=' && !name.is_spaced;
        let doubtful = !(is_tight || name.stands_alone);
        let value = Value::new(separator, name.named, doubtful, name.list_end);
        let from = self.window_start + index as u64 + 1;
        self.candidates
            .push(Candidate::new(from, Rule::Value(value)));
    }
}

/// A secret's name, and how it stands.
struct Name {
    named: Named,
    /// Whether white space follows it.
    is_spaced: bool,
    /// Whether it is the first thing of its line, or stands in quotes or brackets: not in running text.
    stands_alone: bool,
    list_end: Option<u8>,
}

/// The name at the end of a text whose last line begins at an index. A name may have begun in the line before.
fn name_before(text: &[u8], line: usize) -> Option<Name> {
    let is_blank = |byte: u8| byte == b' ' || byte == b'\t';
    let spaced = trim_end(text, is_blank);
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let unquoted = trim_end(spaced, is_quote);
    let end = unquoted.len();
    let start = trim_end(unquoted, is_name_byte)
        .len()
        .max(end.saturating_sub(MAX_NAME));
    let in_line = start.max(line).min(end);
    let named = judge(&unquoted[in_line..]).or_else(|| judge(&unquoted[start..]))?;

    let before = &text[line.min(in_line)..in_line];
    let list_end = match before.last() {
        Some(b'?' | b'&') => Some(b'&'),
        // The quotes hold the name and its value.
        Some(b'"' | b'\'' | b'`') if unquoted.len() == spaced.len() => before.last().copied(),
        _ => trim_end(before, is_blank)
            .last()
            .filter(|byte| **byte == b';')
            .copied(),
    };
    let is_quoted = before.last().is_some_and(|byte| is_quote(*byte));
    let opening = trim_end(before, |byte| is_blank(byte) || is_quote(byte)).last();
    Some(Name {
        named,
        is_spaced: spaced.len() < text.len(),
        stands_alone: is_quoted || opening.is_none_or(|byte| b"{,[(-+?&;>]$".contains(byte)),
        list_end,
    })
}

fn trim_end(text: &[u8], is_trimmed: impl Fn(u8) -> bool) -> &[u8] {
    let kept = text.iter().rposition(|byte| !is_trimmed(*byte));
    &text[..kept.map_or(0, |last| last + 1)]
}
