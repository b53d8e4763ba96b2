//! A token with a known prefix: `ghp_…`.

use super::part::Part;
use crate::redact::tokens::{Proof, TokenKind};

/// The maximum number of bytes that may still become a token. The first part of a JWT with a certificate chain has a few
/// KiB.
pub(super) const MAX_OPEN: usize = 8 * 1024;

/// The characters after the prefix of a token.
#[derive(Debug, Clone)]
pub(in crate::redact) struct TokenRun {
    pub(in crate::redact) kind: &'static TokenKind,
    pub(super) len: usize,
    has_digit: bool,
    /// The number of characters before the first dot.
    dot_at: Option<usize>,
}

impl TokenRun {
    /// The minimum length of the text on each side of the dot of a JWT.
    const MIN_PART: usize = 8;

    pub(in crate::redact) const fn new(kind: &'static TokenKind) -> Self {
        Self {
            kind,
            len: 0,
            has_digit: false,
            dot_at: None,
        }
    }

    pub(super) fn feed(&mut self, byte: u8) -> Part {
        if !self.kind.alphabet.has(byte) {
            return Part::After;
        }
        self.has_digit |= byte.is_ascii_digit();
        if byte == b'.' && self.dot_at.is_none() {
            self.dot_at = Some(self.len);
        }
        self.len += 1;
        Part::Inside {
            certain: self.is_proven(),
        }
    }

    /// Whether it is probably a token, although it has too few characters yet.
    pub(super) fn is_likely(&self) -> bool {
        self.len >= self.kind.min / 2 && (self.kind.proof != Proof::Digit || self.has_digit)
    }

    fn is_proven(&self) -> bool {
        let has_parts = |dot| dot >= Self::MIN_PART && self.len > dot + Self::MIN_PART;
        self.len >= self.kind.min
            && match self.kind.proof {
                Proof::Length => true,
                Proof::Digit => self.has_digit,
                Proof::Dot => self.dot_at.is_some_and(has_parts),
            }
    }
}
