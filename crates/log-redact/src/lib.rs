//! Hides the secrets in the output of a build, and shows the output as a terminal would.
//!
#![doc = include_str!("../HIDDEN.md")]
#![expect(
    clippy::doc_markdown,
    reason = "the names of providers in the page are no code"
)]

mod ansi;

mod commands;
mod common;
mod key_block;
mod kinds;
mod markup;
mod named;
mod names;
mod painted;
mod patterns;
mod pieces;
mod ranges;
mod redaction;
mod redactor;
mod registered;
mod rules;
mod span;
mod tokens;
mod urls;
mod value;
mod wrapped;

pub use ansi::{Ansi, Screen, Style, StyledLine};
pub use kinds::{known_marks, known_tokens};
pub use redaction::{AddSecretError, Redaction, RedactionBuilder, SecretError, TooManySecrets};
pub use redactor::{Line, Redactor};

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
