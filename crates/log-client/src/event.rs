//! What a follower reports.

use std::fmt;
use std::time::Duration;

use log_domain::{EntryId, JobEnd, JobStatus, Line};

use crate::error::TransientError;

/// Something happened to a followed log.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The stream is open, for the first time or again.
    Connected,
    /// The next line.
    Line(Line),
    /// Lines may be missing here: they were trimmed, expired or lost before the client could read them.
    Gap {
        /// The position before the missing lines.
        after_id: EntryId,
        /// The first line after them that still exists.
        first_id: Option<EntryId>,
    },
    /// There is nothing new, and the stream is alive.
    Heartbeat,
    /// The stream broke or could not be opened. The follower tries again after the pause, from its position, so no line
    /// is lost.
    Interrupted {
        /// What happened.
        error: TransientError,
        /// The pause before the next attempt.
        pause: Duration,
    },
    /// The log has ended, and all of its lines were delivered. This is the last event.
    Done(Ending),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded.
    Ready,
    /// It failed, or somebody cancelled it.
    Failed,
    /// Its record was deleted.
    Deleted,
    /// It has another status, of a lifecycle of the service.
    Other(JobStatus),
}

impl From<JobEnd> for Ending {
    fn from(end: JobEnd) -> Self {
        match end {
            JobEnd::Deleted => Self::Deleted,
            JobEnd::Status(status) if status == JobStatus::READY => Self::Ready,
            JobEnd::Status(status) if status == JobStatus::FAILED => Self::Failed,
            JobEnd::Status(status) => Self::Other(status),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
            Self::Other(status) => status.as_str(),
        })
    }
}
