//! One line of a log.

use std::fmt;

use crate::entry_id::EntryId;

/// One line as it was stored. Every field except the id may be missing: a producer may leave it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The position in the log.
    pub id: EntryId,
    /// When the worker wrote it: ISO 8601 by convention, but not checked.
    pub ts: Option<String>,
    /// Where it came from: a [`Source`] by convention, but not checked.
    pub source: Option<String>,
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
        [&self.ts, &self.source, &self.text, &self.phase]
            .into_iter()
            .map(|field| field.as_ref().map_or(0, String::len))
            .sum()
    }
}

/// The channels a producer writes lines to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The command's standard output.
    Stdout,
    /// The command's standard error.
    Stderr,
    /// The producer itself, for example to announce a stage.
    System,
}

impl Source {
    /// The text that a producer writes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
