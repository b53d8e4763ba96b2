//! How a job ended.

use crate::status::{DELETED, JobStatus};

/// How a job ended, as its followers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// The job has this status, which is terminal.
    Status(JobStatus),
    /// The job's record has disappeared.
    Deleted,
}

impl JobEnd {
    /// The end that a status means; `None` where the status is not terminal.
    #[must_use]
    pub fn from_status(status: &JobStatus) -> Option<Self> {
        status.is_terminal().then(|| Self::Status(status.clone()))
    }

    /// The end that such a word means, see [`JobEnd::as_str`]. A client calls it that knows no lifecycle: whatever it is told of
    /// the end of a job is terminal.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            DELETED => Self::Deleted,
            status => Self::Status(JobStatus::ended(status)),
        }
    }

    /// The word that clients read: the status, for example `ready` or `failed`, or `deleted`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Status(status) => status.as_str(),
            Self::Deleted => DELETED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_status_ends_a_job() {
        let end = |status| JobEnd::from_status(&status);
        for status in [
            JobStatus::READY,
            JobStatus::FAILED,
            JobStatus::terminal("cancelled").unwrap(),
        ] {
            let found = end(status.clone()).unwrap();
            assert_eq!(found.as_str(), status.as_str());
        }
        for status in ["queued", "checks", "deleted", "READY", "", "cancelled"] {
            assert_eq!(end(JobStatus::parse(status)), None, "{status:?}");
        }
        assert_eq!(JobEnd::Deleted.as_str(), "deleted");
    }

    #[test]
    fn a_client_reads_every_word_as_an_end() {
        let end = |word| JobEnd::from_word(word);
        assert_eq!(end("ready"), JobEnd::Status(JobStatus::READY));
        assert_eq!(end("deleted"), JobEnd::Deleted);
        for word in ["timed-out", "queued", ""] {
            assert!(matches!(end(word), JobEnd::Status(status) if status.is_terminal()));
            assert_eq!(end(word).as_str(), word);
        }
    }
}
