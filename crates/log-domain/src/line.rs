//! One line of a log.

use std::fmt;

use crate::entry_id::EntryId;
use crate::time::Timestamp;

/// One line as it was stored. Every field except the id may be missing: a producer may leave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The position in the log.
    pub id: EntryId,
    /// When the worker wrote it.
    pub ts: Option<Timestamp>,
    /// Where it came from.
    pub source: Option<Source>,
    /// The line itself, without its newline. It may contain any character.
    pub text: Option<String>,
    /// The part of the build that wrote it. It is not a status.
    pub phase: Option<String>,
    /// Whether this is only the present state of a line that has not ended yet: a prompt, a progress bar. The next line
    /// of the same source replaces it, for readers that care. Other readers see a line.
    pub open: bool,
}

impl Line {
    /// The length of all fields: what counts for a limit in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let ts = self.ts.as_ref().map(Timestamp::as_str);
        let source = self.source.as_ref().map(Source::as_str);
        let fields = [ts, source, self.text.as_deref(), self.phase.as_deref()];
        fields.into_iter().flatten().map(str::len).sum()
    }
}

/// The channels a producer writes lines to.
///
/// ```
/// use log_domain::Source;
///
/// assert_eq!(Source::from("stderr"), Source::Stderr);
/// assert_eq!(Source::from("sidecar").as_str(), "sidecar");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// The producer itself, for example to announce a stage.
    System,
    /// A text that the wire contract does not know. Some producer wrote it, and readers get it as it is.
    Other(Box<str>),
}

impl Source {
    /// The text that a producer writes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
            Self::Other(text) => text,
        }
    }

    /// One of the three that the wire contract has.
    fn known(text: &str) -> Option<Self> {
        match text {
            "stdout" => Some(Self::Stdout),
            "stderr" => Some(Self::Stderr),
            "system" => Some(Self::System),
            _ => None,
        }
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::known(text).unwrap_or_else(|| Self::Other(text.into()))
    }
}

impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::known(&text).unwrap_or_else(|| Self::Other(text.into()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_as_it_was_written() {
        for (text, source) in [
            ("stdout", Source::Stdout),
            ("stderr", Source::Stderr),
            ("system", Source::System),
            ("", Source::Other("".into())),
            ("STDOUT", Source::Other("STDOUT".into())),
        ] {
            assert_eq!(Source::from(text), source);
            assert_eq!(Source::from(text.to_owned()), source);
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn the_bytes_of_a_line_are_those_of_its_texts() {
        let line = Line {
            id: EntryId::ZERO,
            ts: Some("12345".into()),
            source: Some(Source::Stdout),
            text: Some("é".into()),
            phase: None,
            open: false,
        };
        assert_eq!(line.bytes(), 5 + 6 + 2);
    }
}
