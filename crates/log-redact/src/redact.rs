//! Redaction: replaces secrets before text leaves the process.
//!
//! It finds registered secrets, in all encodings in which tools print them, and text that looks like a secret:
//!
//! | what | how it is recognized | what is hidden |
//! |---|---|---|
//! | registered secrets | as it is, URL-encoded, JSON-escaped, base64 at any offset; each of its longer lines | all of it |
//! | provider tokens | `ghp_`, `github_pat_`, `glpat-`, `sk-`, `sk-ant-`, `AKIA`, `xox…`, `npm_`, `pypi-` and more, followed by enough characters | all of it |
//! | JSON web tokens | `eyJ…` with a dot | all of it |
//! | named values | `DB_PASSWORD=…`, `"apiKey": "…"`, `Authorization: …` | the value |
//! | connection strings | `scheme://user:password@` | the password |
//! | private keys | `-----BEGIN … PRIVATE KEY-----` to `-----END` | what is between |
//!
//! Secrets are found across chunks and across line ends, because tools wrap lines, and a secret may have several lines. Two
//! rules end with their line, because nothing else marks their end:
//!
//! - a value that is not in quotes;
//! - a token of a known length, as soon as it has that length.
//!
//! If a line ends inside any other token, the first word of the next line is hidden too.
//!
//! The price: a line whose end may be the beginning of a secret waits for the next line. `log-writer` releases it
//! after 100 ms. A long part of a secret is hidden then. Of a registered secret that is split by a line end and a pause,
//! up to three characters can be visible.
//!
//! **Invariant:** there is one pass with one automaton and no backtracking. So the time is linear in the length of the
//! text, and the memory is bounded, whatever the text.

mod candidate;
mod encodings;
mod hidden;
mod keys;
mod name;
mod rules;
mod scan;
mod stream;
mod tokens;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use self::rules::Rules;
pub use self::stream::Redactor;
use self::stream::TextSink;
use crate::ansi::Style;

/// The compiled rules that say what to hide. Cheap to clone.
///
/// ```
/// use log_redact::Redaction;
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
    /// The text that replaces a secret. The existing producer writes the same.
    pub const MARKER: &'static str = "[REDACTED]";

    /// Starts a builder. It hides everything that looks like a secret, and knows no registered secrets yet.
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

    /// Hides secrets in a whole text. Lines that contain only a part of a secret are removed.
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
        redactor.end(&mut plain);
        plain.0
    }

    /// A redactor for one channel. `None` if this hides nothing.
    pub fn redactor(&self) -> Option<Redactor> {
        self.rules
            .as_ref()
            .map(|rules| Redactor::new(Arc::clone(rules)))
    }
}

impl Default for Redaction {
    /// Hides everything that looks like a secret, and knows no registered secrets.
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "the texts are constants, and a test compiles them"
        )]
        Self::builder().build().expect("the rules compile")
    }
}

/// Collects what to hide.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedactionBuilder {
    /// All texts to look for, for all registered secrets.
    texts: BTreeSet<String>,
    patterns: bool,
    marker: String,
}

impl RedactionBuilder {
    /// Registers a secret.
    ///
    /// # Errors
    /// The secret is shorter than 4 bytes (such texts appear in every log by chance) or longer than 32 KiB. White space
    /// around it does not count.
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

    /// Hides registered secrets only.
    pub fn registered_only(mut self) -> Self {
        self.patterns = false;
        self
    }

    /// The text that replaces a secret. The default is [`Redaction::MARKER`].
    pub fn marker(mut self, marker: &str) -> Self {
        marker.clone_into(&mut self.marker);
        self
    }

    /// Compiles the rules.
    ///
    /// # Errors
    /// There are too many secrets for one automaton: some GiB of text.
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

/// The maximum length of a secret, in bytes. A key with its certificates fits.
const MAX_SECRET: usize = 32 * 1024;

/// A secret cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It would appear in every log by chance.
    #[error("a secret of {len} bytes is too short: it must have at least 4")]
    TooShort {
        /// Its length without the white space around it.
        len: usize,
    },
    /// It would take too much memory.
    #[error("a secret of {len} bytes is too long: it may have at most 32 KiB")]
    TooLong {
        /// Its length without the white space around it.
        len: usize,
    },
}

/// There are too many secrets, or they are too long together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there are too many registered secrets")]
pub struct TooManySecrets;

/// Collects text without changes.
struct Plain(String);

impl TextSink for Plain {
    fn text(&mut self, text: &str) {
        self.0.push_str(text);
    }
    fn style(&mut self, _: Style) {}
    fn newline(&mut self) {
        self.0.push('\n');
    }
}

#[cfg(test)]
mod tests;
