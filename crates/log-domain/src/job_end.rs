//! How a job ended.

use crate::status::JobStatus;

/// How a job ended, as its followers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// The job is `ready`.
    Ready,
    /// The job has `failed`.
    Failed,
    /// The job's record has disappeared.
    Deleted,
}

impl JobEnd {
    /// The end that a status means; `None` where the status is not terminal.
    #[must_use]
    pub const fn from_status(status: &JobStatus) -> Option<Self> {
        match status {
            JobStatus::Ready => Some(Self::Ready),
            JobStatus::Failed => Some(Self::Failed),
            JobStatus::Queued
            | JobStatus::Scheduled
            | JobStatus::Starting
            | JobStatus::Scaffold
            | JobStatus::Code
            | JobStatus::Deps
            | JobStatus::Checks
            | JobStatus::Other(_) => None,
        }
    }

    /// The word that clients read: `ready`, `failed` or `deleted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ready_and_failed_end_a_job() {
        let end = |status| JobEnd::from_status(&JobStatus::parse(status));
        assert_eq!(end("ready"), Some(JobEnd::Ready));
        assert_eq!(end("failed"), Some(JobEnd::Failed));
        for status in ["queued", "checks", "deleted", "READY", ""] {
            assert_eq!(end(status), None, "{status:?}");
        }
    }
}
