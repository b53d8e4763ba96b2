//! Finds secrets in a text that comes in pieces. It reads each byte once, with one automaton.
//!
//! Positions count the bytes of the text without its line ends, so that secrets are found across line ends. The automaton
//! finds whole registered secrets, and the beginnings of everything else ([`super::candidate`]).
//!
//! **Invariant:** what a scanner has decided never changes, and does not depend on how the text was cut into pieces.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};

use super::candidate::{Candidate, PrivateKey, Rule, Step, TokenRun, Userinfo, Value};
use super::hidden::HiddenRanges;
use super::keys::{MAX_NAME, NameKind, is_name_byte};
use super::name::name_at_end;
use super::rules::{Literal, Rules, is_separator};
use super::tokens::{Proof, TOKENS};

/// How many of the last bytes are kept: enough for a name with quotes and spaces around it.
const LOOK_BACK: usize = 2 * MAX_NAME;

/// The minimum length of the beginning of a registered secret that is hidden if the rest does not come.
const MIN_PART: u64 = 4;

/// The most values that may be open at the same time. Only a value in quotes stays open while another one begins.
const MAX_VALUES: usize = 4;

#[derive(Debug, Clone)]
pub(super) struct Scanner {
    rules: Arc<Rules>,
    state: StateID,
    /// The last bytes of the text.
    window: Vec<u8>,
    /// The position of the first byte in the window.
    window_start: u64,
    /// The position of the first byte of this line.
    line_start: u64,
    candidates: Vec<Candidate>,
    /// What to hide. The reader removes the ranges that it has passed.
    hidden: HiddenRanges,
    /// Everything before this position was decided because nothing more came for a while.
    decided_before: u64,
    /// The work done: how often a byte was fed to a candidate, or was the end of a match.
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
            hidden: HiddenRanges::default(),
            decided_before: 0,
            #[cfg(test)]
            steps: 0,
        }
    }

    /// The position after the last byte.
    pub(super) fn position(&self) -> u64 {
        self.window_start + self.window.len() as u64
    }

    /// The position of the first byte of this line.
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
                index += rules.irrelevant_len(&self.window[index..]);
                if index == self.window.len() {
                    break;
                }
            }
            self.feed(&rules, index);
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
                Step::Continues => index += 1,
                Step::Ends => self.end_candidate(index),
            }
        }
    }

    /// Decides about everything before a position, because nothing more comes for a while. The position is the end of a line
    /// or of the text. This hides what is likely to be the beginning of a secret. The usual rules apply to later text.
    pub(super) fn decide_before(&mut self, end: u64) {
        let secret_start = self.position() - self.rules.partial_match(self.state).secret;
        if end.saturating_sub(secret_start) >= MIN_PART {
            self.hidden.add(secret_start..end);
        }
        for index in 0..self.candidates.len() {
            let candidate = &self.candidates[index];
            if !candidate.certain && candidate.is_likely() {
                self.hidden.add(candidate.from..end);
            }
        }
        self.decided_before = self.decided_before.max(end);
    }

    /// Forgets all open candidates. The text after this is another one.
    pub(super) fn restart(&mut self) {
        self.state = self.rules.start();
        self.candidates.clear();
        self.window_start = self.position();
        self.window.clear();
        self.line_start = self.window_start;
    }

    /// The position up to which it is decided what to hide.
    pub(super) fn decided(&self) -> u64 {
        let position = self.position();
        let partial = self.rules.partial_match(self.state);
        let mut decided = position - partial.secret;
        // The beginning of another rule's text is no secret, so the end of a line does not wait for the rest of it.
        let literal = position - partial.literal;
        decided = decided.min(literal.max(self.line_start));
        for candidate in &self.candidates {
            decided = decided.min(candidate.undecided_from());
        }
        decided = decided.max(self.decided_before);
        // A range that is hidden anyway is decided.
        match self.hidden_after(decided) {
            Some(hidden) if hidden.start <= decided => hidden.end.min(position),
            _ => decided,
        }
    }

    /// The first hidden range that ends after a position.
    pub(super) fn hidden_after(&self, position: u64) -> Option<&Range<u64>> {
        self.hidden.first_after(position)
    }

    /// Forgets the hidden ranges before a position.
    pub(super) fn forget_before(&mut self, position: u64) {
        self.hidden.forget_before(position);
    }

    /// Takes the byte at an index of the window.
    fn feed(&mut self, rules: &Rules, index: usize) {
        let byte = self.window[index];
        if !self.candidates.is_empty() {
            self.feed_candidates(byte, self.window_start + index as u64);
        }
        self.state = rules.automaton.next_state(Anchored::No, self.state, byte);
        if rules.automaton.is_special(self.state) && rules.automaton.is_match(self.state) {
            self.handle_matches(rules, index);
        }
        if rules.patterns && is_separator(byte) {
            self.handle_separator(index);
        }
    }

    fn feed_candidates(&mut self, byte: u8, at: u64) {
        #[cfg(test)]
        {
            self.steps += self.candidates.len();
        }
        let mut index = 0;
        while index < self.candidates.len() {
            match self.candidates[index].feed(byte, at) {
                Step::Continues => index += 1,
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
            self.hidden.add(candidate.from..candidate.to);
        }
    }

    /// Handles the matches of the automaton that end with the byte at an index.
    fn handle_matches(&mut self, rules: &Rules, index: usize) {
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
                Literal::Secret => self.hidden.add(start..end),
                Literal::Token(token) => self.begin_token(token, start),
                Literal::Scheme => self.begin_userinfo(start, end),
                Literal::KeyBlock => self.begin_private_key(end),
            }
        }
    }

    fn begin_token(&mut self, token: usize, start: u64) {
        let kind = &TOKENS[token];
        let is_running = |candidate: &Candidate| {
            // An open candidate of the same kind covers everything that this one would.
            matches!(&candidate.rule, Rule::Token(run) if run.kind.prefix == kind.prefix)
        };
        let strict = kind.proof == Proof::Digit;
        let is_inside = |byte: u8| byte.is_ascii_alphanumeric() || (strict && is_name_byte(byte));
        if !self.starts_word(start, is_inside) || self.candidates.iter().any(is_running) {
            return;
        }
        let run = Rule::Token(TokenRun::new(kind));
        // A part of the prefix that is in the line before has already been shown.
        let from = start.max(self.line_start);
        self.candidates.push(Candidate::new(from, run));
    }

    fn begin_userinfo(&mut self, start: u64, end: u64) {
        // Without a scheme before the `://` this is no address.
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

    /// Whether a word begins at a position: the line begins there, or the byte before is not part of a word.
    fn starts_word(&self, position: u64, is_inside: impl Fn(u8) -> bool) -> bool {
        let before = position
            .checked_sub(self.window_start + 1)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.window.get(index));
        position == self.line_start || before.is_none_or(|byte| !is_inside(*byte))
    }

    /// Handles a `=` or `:`. If a secret name is before it, a value begins.
    fn handle_separator(&mut self, index: usize) {
        let values = self
            .candidates
            .iter()
            .filter(|c| matches!(c.rule, Rule::Value(_)));
        if values.count() >= MAX_VALUES {
            return;
        }
        // This looks back by a fixed length, so that the result does not depend on how the text was cut into pieces.
        let begin = index.saturating_sub(LOOK_BACK);
        let line = self
            .line_start
            .saturating_sub(self.window_start + begin as u64);
        let line = usize::try_from(line)
            .unwrap_or(usize::MAX)
            .min(index - begin);
        let Some(name) = name_at_end(&self.window[begin..index], line) else {
            return;
        };
        let separator = self.window[index];
        if name.kind == NameKind::Header && separator == b'=' {
            return;
        }
        let is_tight = separator == b'=' && !name.is_spaced;
        let doubtful = !(is_tight || name.stands_alone);
        let value = Value::new(separator, name.kind, doubtful, name.list_end);
        let from = self.window_start + index as u64 + 1;
        self.candidates
            .push(Candidate::new(from, Rule::Value(value)));
    }
}
