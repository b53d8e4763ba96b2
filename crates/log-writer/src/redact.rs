//! Redaction: what must not leave the process is replaced before it does.
//!
//! Looked for are registered secrets, in the encodings that tools print them in, and what looks like a secret:
//!
//! | what | how it is known | what is hidden |
//! |---|---|---|
//! | registered secrets | as is, URL-encoded, JSON-escaped, base64 at any offset; its longer lines alone | all of it |
//! | provider tokens | `ghp_`, `github_pat_`, `glpat-`, `sk-`, `sk-ant-`, `AKIA`, `xox…`, `npm_`, `pypi-` and more, with enough behind | all of it |
//! | JSON web tokens | `eyJ…` with a dot | all of it |
//! | named values | `DB_PASSWORD=…`, `"apiKey": "…"`, `Authorization: …` | the value |
//! | connection strings | `scheme://user:password@` | the password |
//! | private keys | `-----BEGIN … PRIVATE KEY-----` to `-----END` | what is between |
//!
//! All of it is found across the chunks that the text comes in, and across line ends: a tool that wraps its lines, or
//! a secret of several lines. Two rules end with their line, because nothing tells their end from what follows: a value that
//! is not in quotes, and a token whose kind has a known length, once it has that. Where a line ends within any other
//! token, the first word of the next line is hidden with it.
//!
//! The price is that a line that ends with what may be the beginning of a secret waits for the next one; a
//! [`crate::LogWriter`] lets it go after 100 ms. Then a longer part of a secret is hidden, and of a registered one up to
//! three characters can be seen: a secret that is torn apart by a line end and a pause.
//!
//! **Invariant:** one pass, one automaton, no backtracking: the time is linear in the text and the memory bounded,
//! whatever the text.

mod candidate;
mod encodings;
mod keys;
mod rules;
mod scan;
mod stream;
mod tokens;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use self::rules::Rules;
pub(crate) use self::stream::Redactor;
use crate::ansi::TextSink;

/// What a writer hides, compiled. Cheap to clone.
///
/// ```
/// use log_writer::Redaction;
///
/// let redaction = Redaction::builder().secret("correct horse")?.build()?;
/// let text = redaction.apply("curl -H 'X: correct%20horse' https://ann:s3cret@example.org API_KEY=12345");
/// assert_eq!(text, "curl -H 'X: [REDACTED]' https://ann:[REDACTED]@example.org API_KEY=[REDACTED]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Redaction {
    /// `None` hides nothing.
    rules: Option<Arc<Rules>>,
}

impl Redaction {
    /// What stands in the place of a secret, as the existing producer writes it.
    pub const MARKER: &'static str = "[REDACTED]";

    /// Begins with everything that looks like a secret, and no registered one.
    pub fn builder() -> RedactionBuilder {
        RedactionBuilder {
            texts: BTreeSet::new(),
            patterns: true,
            marker: Self::MARKER.to_owned(),
        }
    }

    /// Hides nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self { rules: None }
    }

    /// Hides secrets in a whole text. Its lines stay as they are, but for those that vanish into a marker.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let Some(mut redactor) = self.redactor() else {
            return text.to_owned();
        };
        let mut plain = Plain(String::new());
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                redactor.before(&mut plain).newline();
            }
            if !line.is_empty() {
                redactor.before(&mut plain).text(line);
            }
        }
        redactor.finish(&mut plain);
        plain.0
    }

    pub(crate) fn redactor(&self) -> Option<Redactor> {
        self.rules
            .as_ref()
            .map(|rules| Redactor::new(Arc::clone(rules)))
    }
}

impl Default for Redaction {
    /// Hides everything that looks like a secret, and knows no registered one.
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "some dozens of short constant texts do compile"
        )]
        Self::builder().build().expect("the rules compile")
    }
}

/// Gathers what is to be hidden.
#[derive(Clone)]
#[must_use = "nothing is hidden until it is built"]
pub struct RedactionBuilder {
    /// Every text to look for, of all registered secrets.
    texts: BTreeSet<String>,
    patterns: bool,
    marker: String,
}

impl RedactionBuilder {
    /// Registers a secret.
    ///
    /// # Errors
    /// It is shorter than 4 bytes, which every log holds by chance, or longer than 32 KiB. White space around it does
    /// not count.
    pub fn secret(mut self, secret: &str) -> Result<Self, SecretError> {
        let len = secret.trim().len();
        if len < encodings::MIN_LEN {
            return Err(SecretError::TooShort { len });
        }
        if len > MAX_SECRET {
            return Err(SecretError::TooLong { len });
        }
        self.texts.extend(encodings::encodings(secret));
        Ok(self)
    }

    /// Looks for registered secrets alone.
    pub fn registered_only(mut self) -> Self {
        self.patterns = false;
        self
    }

    /// What stands in the place of a secret; [`Redaction::MARKER`] by default.
    pub fn marker(mut self, marker: &str) -> Self {
        marker.clone_into(&mut self.marker);
        self
    }

    /// Compiles it.
    ///
    /// # Errors
    /// The secrets are so many that no automaton can hold them: some GiB of text.
    pub fn build(self) -> Result<Redaction, TooManySecrets> {
        let rules = Rules::new(&self.texts, self.patterns, self.marker);
        let rules = rules.map_err(|_| TooManySecrets)?;
        Ok(Redaction {
            rules: Some(Arc::new(rules)),
        })
    }
}

/// Never shows a secret.
impl fmt::Debug for RedactionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactionBuilder")
            .field("texts", &self.texts.len())
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

/// Longest secret, in bytes: a key with its certificates fits.
const MAX_SECRET: usize = 32 * 1024;

/// A secret cannot be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    /// Every log would hold it by chance.
    #[error("a secret of {len} bytes is too short to be looked for: 4 is the least")]
    TooShort {
        /// Its length without the white space around it.
        len: usize,
    },
    /// It would take too much memory.
    #[error("a secret of {len} bytes is too long to be looked for: 32 KiB is the most")]
    TooLong {
        /// Its length without the white space around it.
        len: usize,
    },
}

/// The secrets are too many, or too long together, to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the registered secrets are too many to be looked for")]
pub struct TooManySecrets;

/// Collects text as it is.
struct Plain(String);

impl TextSink for Plain {
    fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }
    fn colour(&mut self, sequence: &str) {
        self.0.push_str(sequence);
    }
    fn newline(&mut self) {
        self.0.push('\n');
    }
    fn carriage_return(&mut self) {}
    fn erase(&mut self, _: bool) {}
}

#[cfg(test)]
mod tests;
