//! A token that is known by its prefix: `ghp_…`.

use super::Part;
use crate::redact::tokens::{Proof, TokenKind};

/// Longest run that may become a token, in bytes: a JWT's first part with a certificate chain is a few KiB.
pub(super) const MAX_OPEN: usize = 8 * 1024;

/// The characters after a token's prefix.
#[derive(Debug)]
pub(in crate::redact) struct TokenRun {
    pub(in crate::redact) kind: &'static TokenKind,
    pub(super) len: usize,
    has_digit: bool,
    /// How many characters the first dot has before it.
    dot_at: Option<usize>,
}

impl TokenRun {
    /// Least text on each side of the dot of a JWT.
    const PART: usize = 8;

    pub(in crate::redact) const fn new(kind: &'static TokenKind) -> Self {
        Self {
            kind,
            len: 0,
            has_digit: false,
            dot_at: None,
        }
    }

    pub(super) fn take(&mut self, byte: u8) -> Part {
        if !self.kind.alphabet.has(byte) {
            return Part::After;
        }
        self.has_digit |= byte.is_ascii_digit();
        if byte == b'.' && self.dot_at.is_none() {
            self.dot_at = Some(self.len);
        }
        self.len += 1;
        Part::Inside {
            certain: self.is_proved(),
        }
    }

    /// Whether it is most probably one, although there are too few characters yet.
    pub(super) fn is_likely(&self) -> bool {
        self.len >= self.kind.min / 2 && (self.kind.proof != Proof::Digit || self.has_digit)
    }

    fn is_proved(&self) -> bool {
        let has_parts = |dot| dot >= Self::PART && self.len > dot + Self::PART;
        self.len >= self.kind.min
            && match self.kind.proof {
                Proof::Length => true,
                Proof::Digit => self.has_digit,
                Proof::Dot => self.dot_at.is_some_and(has_parts),
            }
    }
}
