//! Makes text safe to show: hides secrets, and removes terminal control.
//!
//! It does no I/O and has no clock. It uses nothing else of this workspace, so it can be taken alone.
//!
//! - A [`Redaction`] is the compiled rules that say what is a secret: registered secrets, and text that looks like one.
//! - A [`Redactor`] hides secrets in the text of one channel, as it comes.
//! - A [`Screen`] turns the output of a program into the lines that a terminal would show.
//!
//! ```
//! use log_redact::Redaction;
//!
//! let redaction = Redaction::default();
//! assert_eq!(redaction.apply("DB_PASSWORD=hunter2"), "DB_PASSWORD=[REDACTED]");
//! ```

mod ansi;
mod redact;

pub use ansi::{Ansi, Screen, Style, StyledLine};
pub use redact::{Redaction, RedactionBuilder, Redactor, SecretError, TooManySecrets};

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
