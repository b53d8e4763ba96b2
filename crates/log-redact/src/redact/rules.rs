//! The compiled rules: one automaton that finds registered secrets, and the beginnings of everything else.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

use super::tokens::TOKENS;

/// The meaning of a text that the automaton finds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Literal {
    /// A registered secret, in one of its encodings.
    Secret,
    /// The prefix of a token, as an index into [`TOKENS`].
    Token(usize),
    /// `://`. A user and a password may follow.
    Scheme,
    /// The beginning of a key block.
    KeyBlock,
}

/// The compiled rules, shared by all channels.
pub(super) struct Rules {
    pub(super) automaton: NFA,
    /// The meaning of each pattern of the automaton.
    pub(super) literals: Vec<Literal>,
    /// Whether to look for more than registered secrets.
    pub(super) patterns: bool,
    /// The text that replaces a secret.
    pub(super) marker: String,
    start: StateID,
    /// The bytes that have a meaning in the start state. All others can be skipped.
    relevant: [bool; 256],
    /// For each state: how much of a text has been read.
    partial_matches: HashMap<StateID, PartialMatch>,
}

/// How many of the last bytes may be the beginning of a text that the automaton finds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartialMatch {
    /// The beginning of any text.
    pub(super) literal: u64,
    /// The beginning of a registered secret.
    pub(super) secret: u64,
}

impl Rules {
    pub(super) fn new(
        secrets: &BTreeSet<String>,
        patterns: bool,
        marker: String,
    ) -> Result<Self, BuildError> {
        let mut texts: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mut literals = vec![Literal::Secret; texts.len()];
        if patterns {
            for (index, token) in TOKENS.iter().enumerate() {
                texts.push(token.prefix);
                literals.push(Literal::Token(index));
            }
            texts.extend(["://", "-----BEGIN "]);
            literals.extend([Literal::Scheme, Literal::KeyBlock]);
        }
        let automaton = compile(&texts)?;
        let partial_matches = partial_matches(&automaton, &texts, &compile(secrets)?, secrets);
        let start = start(&automaton);
        let mut relevant = [false; 256];
        for (byte, relevant) in (0..=u8::MAX).zip(&mut relevant) {
            let next = automaton.next_state(Anchored::No, start, byte);
            *relevant = next != start || (patterns && is_separator(byte));
        }
        Ok(Self {
            start,
            relevant,
            automaton,
            literals,
            patterns,
            marker,
            partial_matches,
        })
    }

    pub(super) const fn start(&self) -> StateID {
        self.start
    }

    /// How many bytes at the beginning of a text can be skipped: the automaton stays in its start state.
    pub(super) fn irrelevant_len(&self, text: &[u8]) -> usize {
        let is_relevant = |byte: &u8| self.relevant[usize::from(*byte)];
        text.iter().position(is_relevant).unwrap_or(text.len())
    }

    /// How many of the last bytes may be the beginning of a text that the automaton finds.
    pub(super) fn partial_match(&self, state: StateID) -> PartialMatch {
        if state == self.start {
            return PartialMatch::default();
        }
        self.partial_matches
            .get(&state)
            .copied()
            .unwrap_or_default()
    }
}

/// Never shows a secret.
impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets = self
            .literals
            .iter()
            .filter(|literal| matches!(literal, Literal::Secret));
        f.debug_struct("Rules")
            .field("texts", &secrets.count())
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

/// Whether a byte separates a name from its value.
pub(super) const fn is_separator(byte: u8) -> bool {
    byte == b'=' || byte == b':'
}

fn compile<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<NFA, BuildError> {
    let texts: Vec<T> = texts.into_iter().collect();
    // `Standard` finds overlapping matches too, and its states know each beginning.
    NFA::builder()
        .match_kind(MatchKind::Standard)
        .prefilter(false)
        .build(texts)
}

fn start(automaton: &NFA) -> StateID {
    // An automaton of this kind can always start unanchored. If it could not, its first state would be right as well.
    automaton.start_state(Anchored::No).unwrap_or(StateID::ZERO)
}

/// Feeds each text to the automaton. The state after `n` bytes means that these bytes have been read. Feeding them to an
/// automaton that knows the secrets only gives the longest beginning of a secret at their end.
fn partial_matches(
    automaton: &NFA,
    texts: &[&str],
    secrets_alone: &NFA,
    secrets: &BTreeSet<String>,
) -> HashMap<StateID, PartialMatch> {
    let mut secret_depth: HashMap<StateID, u64> = HashMap::new();
    for secret in secrets {
        let mut state = start(secrets_alone);
        for (depth, byte) in (1..).zip(secret.bytes()) {
            state = secrets_alone.next_state(Anchored::No, state, byte);
            secret_depth.insert(state, depth);
        }
    }
    let mut matches = HashMap::new();
    for text in texts {
        let mut state = start(automaton);
        let mut alone = start(secrets_alone);
        for (depth, byte) in (1..).zip(text.bytes()) {
            state = automaton.next_state(Anchored::No, state, byte);
            alone = secrets_alone.next_state(Anchored::No, alone, byte);
            let secret = secret_depth.get(&alone).copied().unwrap_or(0);
            matches.insert(
                state,
                PartialMatch {
                    literal: depth,
                    secret,
                },
            );
        }
    }
    matches
}
