//! What a follower is told.

use std::fmt;
use std::time::Duration;

use log_domain::{EntryId, Line};

use crate::error::Trouble;

/// Something happened to a followed log.
#[derive(Debug)]
pub enum Event {
    /// The stream is open, for the first time or again.
    Connected,
    /// The next line.
    Line(Line),
    /// Lines may be missing here: they were trimmed, expired or lost before they could be read.
    Gap {
        /// The position before them.
        after_id: EntryId,
        /// The first line still there after them.
        first_id: Option<EntryId>,
    },
    /// Nothing new; the stream is alive.
    Heartbeat,
    /// The stream is not open. It is tried again after the pause, from where it was; nothing is lost by it.
    Interrupted {
        /// What happened.
        trouble: Trouble,
        /// How long the next attempt waits.
        pause: Duration,
    },
    /// The log has ended, and every line of it came. Nothing follows.
    Done(Ending),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Well.
    Ready,
    /// Badly, or cancelled.
    Failed,
    /// Its record has disappeared.
    Deleted,
    /// In a way that this version does not know.
    Other(String),
}

impl Ending {
    /// Reads the status in `done`.
    #[must_use]
    pub fn parse(status: &str) -> Self {
        match status {
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            "deleted" => Self::Deleted,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Other(status) => status,
        })
    }
}
