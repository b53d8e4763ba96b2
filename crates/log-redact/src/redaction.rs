//! What to hide: registered secrets, and everything that looks like a secret.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::common::is_common;
use crate::pieces::{is_plain, pieces};
use crate::redactor::{Line, Redactor};
use crate::registered::{MIN_LEN, Registered};
use crate::rules::Rules;

/// The compiled rules that say what to hide. Cheap to clone.
///
/// ```
/// use log_redact::Redaction;
///
/// let redaction = Redaction::builder().secret("correct horse")?.build()?;
/// let line = "curl -H 'X: correct%20horse' https://ann:s3cret@example.org API_KEY=12345";
/// assert_eq!(
///     redaction.line(line),
///     "curl -H 'X: [REDACTED]' https://ann:[REDACTED]@example.org API_KEY=[REDACTED]"
/// );
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
            secrets: BTreeSet::new(),
            patterns: true,
            marker: Self::MARKER.to_owned(),
        }
    }

    /// Hides nothing.
    #[must_use]
    pub const fn off() -> Self {
        Self { rules: None }
    }

    /// Hides secrets in one line, whatever was before it. The line may have colours (`ESC [ … m`).
    #[must_use]
    pub fn line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let mut shown = Cow::Borrowed(line);
        let mut redactor = self.redactor();
        let mut take = |out: String| {
            if out != line {
                shown = Cow::Owned(out);
            }
        };
        redactor.push(line.to_owned(), &mut take);
        redactor.finish(&mut take);
        shown
    }

    /// Hides secrets in a text. It keeps its lines.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut redactor = self.redactor();
        let mut shown = String::with_capacity(text.len());
        let mut take = |line: String| {
            shown.push_str(&line);
            shown.push('\n');
        };
        for line in text.split('\n') {
            redactor.push(line.to_owned(), &mut take);
        }
        redactor.finish(&mut take);
        shown.pop();
        shown
    }

    /// The same rules, and one more registered secret: for secrets that are made while a build runs. Compiles all registered
    /// secrets again, in a time that is linear in their length. [`Redaction::off`] becomes rules that hide this secret only.
    ///
    /// # Errors
    /// Those of [`RedactionBuilder::add`] and [`RedactionBuilder::build`].
    pub fn with_secret(&self, secret: &str) -> Result<Self, AddSecretError> {
        let mut builder = match &self.rules {
            Some(rules) => RedactionBuilder {
                secrets: rules.secrets.clone(),
                patterns: rules.patterns,
                marker: rules.marker.clone(),
            },
            None => Self::builder().registered_only(),
        };
        builder.add(secret)?;
        Ok(builder.build()?)
    }

    /// A redactor for the lines of one channel.
    #[must_use]
    pub fn redactor<L: Line>(&self) -> Redactor<L> {
        Redactor::new(self.rules.clone())
    }
}

impl<L: Line> Redactor<L> {
    /// Hides by other rules from the next line on. The lines that wait are judged by them, too. A secret of the present rules
    /// that has begun is still hidden. [`Redaction::off`] changes nothing.
    pub fn set_redaction(&mut self, redaction: &Redaction) {
        if let Some(rules) = &redaction.rules {
            self.set_rules(Arc::clone(rules));
        }
    }
}

impl Default for Redaction {
    /// Hides everything that looks like a secret, and knows no registered secrets.
    fn default() -> Self {
        let rules = Rules {
            secrets: BTreeSet::new(),
            registered: None,
            patterns: true,
            marker: Self::MARKER.to_owned(),
        };
        Self {
            rules: Some(Arc::new(rules)),
        }
    }
}

/// Collects what to hide.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedactionBuilder {
    secrets: BTreeSet<String>,
    patterns: bool,
    marker: String,
}

impl RedactionBuilder {
    /// Registers a secret, and the secret values inside of it: those of a kubeconfig, of JSON, of a dotenv file. White
    /// space around it does not count.
    ///
    /// # Errors
    /// It would be found in every log by chance, or it is longer than [`RedactionBuilder::MAX_SECRET`]. Then it is not
    /// registered.
    pub fn add(&mut self, secret: &str) -> Result<(), SecretError> {
        let secret = secret.replace("\r\n", "\n");
        let trimmed = secret.trim();
        let len = trimmed.len();
        if len < MIN_LEN {
            return Err(SecretError::TooShort { len });
        }
        if is_common(trimmed) {
            return Err(SecretError::Common);
        }
        if len > Self::MAX_SECRET {
            return Err(SecretError::TooLong { len });
        }
        self.secrets.extend(pieces(trimmed));
        self.secrets.insert(trimmed.to_owned());
        Ok(())
    }

    /// Registers a text of several secrets: the text, the secret values inside of it, and each of its lines that is plain
    /// text. Returns the numbers of the lines that are not registered, each with the reason.
    ///
    /// # Errors
    /// The text is longer than [`RedactionBuilder::MAX_SECRET`]. A short text is an error of its line.
    pub fn add_lines(&mut self, text: &str) -> Result<Vec<(usize, SecretError)>, SecretError> {
        match self.add(text) {
            Ok(()) | Err(SecretError::TooShort { .. } | SecretError::Common) => {}
            Err(error @ SecretError::TooLong { .. }) => return Err(error),
        }
        let mut skipped = Vec::new();
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if is_plain(line)
                && let Err(error) = self.add(line)
            {
                skipped.push((number, error));
            }
        }
        Ok(skipped)
    }

    /// Registers a secret, as [`RedactionBuilder::add`] does.
    ///
    /// # Errors
    /// Those of [`RedactionBuilder::add`].
    pub fn secret(mut self, secret: &str) -> Result<Self, SecretError> {
        self.add(secret)?;
        Ok(self)
    }

    /// The maximum length of a secret, in bytes: 32 KiB. A key with its certificates fits.
    pub const MAX_SECRET: usize = 32 * 1024;

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
    /// The secrets are too long together: their texts, in all encodings, have more than 4 MiB.
    pub fn build(self) -> Result<Redaction, TooManySecrets> {
        let registered = match self.secrets.is_empty() {
            true => None,
            false => Some(
                Registered::new(&self.secrets)
                    .ok()
                    .flatten()
                    .ok_or(TooManySecrets)?,
            ),
        };
        let rules = Rules {
            secrets: self.secrets,
            registered,
            patterns: self.patterns,
            marker: self.marker,
        };
        Ok(Redaction {
            rules: Some(Arc::new(rules)),
        })
    }
}

/// Never shows a secret.
impl fmt::Debug for RedactionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactionBuilder")
            .field("secrets", &self.secrets.len())
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

/// A secret is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It would appear in every log by chance.
    #[error("it has only {len} byte{} and would be found everywhere", if *len == 1 { "" } else { "s" })]
    TooShort {
        /// Its length without the white space around it.
        len: usize,
    },
    /// It is a common word or number.
    #[error("it is a common word or number and would be found everywhere")]
    Common,
    /// It would take too much memory.
    #[error("it has {len} bytes, and a secret may have at most 32 KiB")]
    TooLong {
        /// Its length without the white space around it.
        len: usize,
    },
}

/// There are too many secrets, or they are too long together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("there are too many registered secrets")]
pub struct TooManySecrets;

/// A secret is not added to rules that are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddSecretError {
    /// It is not fit to be hidden.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no room for it.
    #[error(transparent)]
    TooMany(#[from] TooManySecrets),
}
