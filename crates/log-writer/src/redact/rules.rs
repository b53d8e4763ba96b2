//! What is looked for, compiled: one automaton for registered secrets and for the beginnings of everything else.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

use super::tokens::TOKENS;

/// What a text that the automaton finds is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Literal {
    /// A registered secret, in one of its encodings.
    Secret,
    /// The prefix of a token, as an index into [`TOKENS`].
    Token(usize),
    /// `://`, after which a user and a password may stand.
    Scheme,
    /// The beginning of a key block.
    KeyBlock,
}

/// The compiled rules, shared by all channels.
pub(super) struct Rules {
    pub(super) automaton: NFA,
    /// What each pattern of the automaton is.
    pub(super) literals: Vec<Literal>,
    /// Whether anything but registered secrets is looked for.
    pub(super) patterns: bool,
    /// What stands in the place of a secret.
    pub(super) marker: String,
    start: StateID,
    /// The bytes that mean something in the start state: all others are passed over.
    wakes: [bool; 256],
    /// For each state how much of something has been read: of any literal, and of a registered secret.
    begun: HashMap<StateID, Begun>,
}

/// How many of the last bytes may be the beginning of something.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Begun {
    /// Of anything that the automaton knows.
    pub(super) literal: u64,
    /// Of a registered secret.
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
        let begun = begun(&automaton, &texts, &compile(secrets)?, secrets);
        let start = start(&automaton);
        let mut wakes = [false; 256];
        for (byte, wakes) in (0..=u8::MAX).zip(&mut wakes) {
            let next = automaton.next_state(Anchored::No, start, byte);
            *wakes = next != start || (patterns && is_separator(byte));
        }
        Ok(Self {
            start,
            wakes,
            automaton,
            literals,
            patterns,
            marker,
            begun,
        })
    }

    pub(super) const fn start(&self) -> StateID {
        self.start
    }

    /// How many of the bytes at the beginning of a text leave the automaton in its start state and are no separator.
    pub(super) fn idle_len(&self, text: &[u8]) -> usize {
        let wakes = |byte: &u8| self.wakes[usize::from(*byte)];
        text.iter().position(wakes).unwrap_or(text.len())
    }

    /// How many of the last bytes may be the beginning of something.
    pub(super) fn begun(&self, state: StateID) -> Begun {
        if state == self.start {
            return Begun::default();
        }
        self.begun.get(&state).copied().unwrap_or_default()
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

/// Whether a byte stands between a name and its value.
pub(super) const fn is_separator(byte: u8) -> bool {
    byte == b'=' || byte == b':'
}

fn compile<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Result<NFA, BuildError> {
    let texts: Vec<T> = texts.into_iter().collect();
    // `Standard` finds all, overlapping ones too, and its states know each beginning.
    NFA::builder()
        .match_kind(MatchKind::Standard)
        .prefilter(false)
        .build(texts)
}

fn start(automaton: &NFA) -> StateID {
    // An automaton of this kind can start unanchored; the state is its first in any case.
    automaton.start_state(Anchored::No).unwrap_or(StateID::ZERO)
}

/// Walks each text through the automaton. The state after `n` bytes stands for these bytes, and for the longest
/// beginning of a secret that they end with: the state of an automaton of the secrets alone.
fn begun(
    automaton: &NFA,
    texts: &[&str],
    secrets_alone: &NFA,
    secrets: &BTreeSet<String>,
) -> HashMap<StateID, Begun> {
    let mut secret_depth: HashMap<StateID, u64> = HashMap::new();
    for secret in secrets {
        let mut state = start(secrets_alone);
        for (depth, byte) in (1..).zip(secret.bytes()) {
            state = secrets_alone.next_state(Anchored::No, state, byte);
            secret_depth.insert(state, depth);
        }
    }
    let mut begun = HashMap::new();
    for text in texts {
        let mut state = start(automaton);
        let mut alone = start(secrets_alone);
        for (depth, byte) in (1..).zip(text.bytes()) {
            state = automaton.next_state(Anchored::No, state, byte);
            alone = secrets_alone.next_state(Anchored::No, alone, byte);
            let secret = secret_depth.get(&alone).copied().unwrap_or(0);
            begun.insert(
                state,
                Begun {
                    literal: depth,
                    secret,
                },
            );
        }
    }
    begun
}
