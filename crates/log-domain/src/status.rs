//! The status of a job: a name, and whether a job with it has ended.

use std::borrow::Cow;
use std::fmt;

/// The most bytes of the name of a status.
const MAX_NAME: usize = 64;

/// What clients read when a job's record has disappeared (wire contract, `done`).
pub(crate) const DELETED: &str = "deleted";

/// What a job is doing, or how it ended: a name, and whether a job with it has ended.
///
/// The constants are the statuses of the wire contract. Which status may follow which is said by a
/// [`Lifecycle`](crate::Lifecycle).
///
/// ```
/// use log_domain::JobStatus;
///
/// let cancelled = JobStatus::terminal("cancelled")?;
/// assert!(cancelled.is_terminal());
/// assert_eq!(cancelled.as_str(), "cancelled");
/// // Without a lifecycle that has it, it is a status that nobody knows.
/// assert!(!JobStatus::parse("cancelled").is_terminal());
/// # Ok::<(), log_domain::StatusNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobStatus {
    name: Cow<'static, str>,
    is_terminal: bool,
}

impl JobStatus {
    /// It waits for a worker.
    pub const QUEUED: Self = Self::known("queued", false);
    /// It waits for its time.
    pub const SCHEDULED: Self = Self::known("scheduled", false);
    /// A worker has taken it.
    pub const STARTING: Self = Self::known("starting", false);
    /// It lays out the project.
    pub const SCAFFOLD: Self = Self::known("scaffold", false);
    /// It writes the code.
    pub const CODE: Self = Self::known("code", false);
    /// It installs dependencies.
    pub const DEPS: Self = Self::known("deps", false);
    /// It runs the checks.
    pub const CHECKS: Self = Self::known("checks", false);
    /// It has succeeded. Terminal, and in every lifecycle.
    pub const READY: Self = Self::known("ready", true);
    /// It has failed. Terminal, and in every lifecycle.
    pub const FAILED: Self = Self::known("failed", true);

    const fn known(name: &'static str, is_terminal: bool) -> Self {
        Self {
            name: Cow::Borrowed(name),
            is_terminal,
        }
    }

    /// A status of your own, from which a job goes on.
    ///
    /// # Errors
    /// The name is refused: see [`StatusNameError`].
    pub fn new(name: &str) -> Result<Self, StatusNameError> {
        Self::checked(name, false)
    }

    /// A status of your own that ends a job.
    ///
    /// # Errors
    /// The name is refused: see [`StatusNameError`].
    pub fn terminal(name: &str) -> Result<Self, StatusNameError> {
        Self::checked(name, true)
    }

    fn checked(name: &str, is_terminal: bool) -> Result<Self, StatusNameError> {
        let is_valid = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_valid) {
            return Err(StatusNameError::Malformed);
        }
        if name == DELETED {
            return Err(StatusNameError::Reserved);
        }
        Ok(Self {
            name: Cow::Owned(name.to_owned()),
            is_terminal,
        })
    }

    /// A text that a producer wrote and no lifecycle knows: not terminal, and not an error.
    pub(crate) fn unknown(text: &str) -> Self {
        Self {
            name: Cow::Owned(text.to_owned()),
            is_terminal: false,
        }
    }

    /// A text that somebody calls the end of a job.
    pub(crate) fn ended(text: &str) -> Self {
        Self {
            name: Cow::Owned(text.to_owned()),
            is_terminal: true,
        }
    }

    /// The name, as producers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether a job with this status has ended.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text cannot be the name of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusNameError {
    /// It is empty, too long, or has other characters.
    Malformed,
    /// Clients read it as something else.
    Reserved,
}

impl fmt::Display for StatusNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the name of a status has 1 to 64 characters of a-z, 0-9, `-` and `_`"
            }
            Self::Reserved => {
                "no status is named `deleted`: clients read that when a job's record is gone"
            }
        })
    }
}

impl std::error::Error for StatusNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [JobStatus; 9] = [
        JobStatus::QUEUED,
        JobStatus::SCHEDULED,
        JobStatus::STARTING,
        JobStatus::SCAFFOLD,
        JobStatus::CODE,
        JobStatus::DEPS,
        JobStatus::CHECKS,
        JobStatus::READY,
        JobStatus::FAILED,
    ];

    #[test]
    fn every_status_of_the_contract_reads_back_as_it_was_written() {
        for status in KNOWN {
            assert_eq!(JobStatus::parse(status.as_str()), status);
        }
    }

    #[test]
    fn only_ready_and_failed_are_terminal_in_the_contract() {
        let terminal: Vec<_> = KNOWN.into_iter().filter(JobStatus::is_terminal).collect();
        assert_eq!(terminal, [JobStatus::READY, JobStatus::FAILED]);
        for unknown in ["", "READY", "deleted", "cancelled", "\u{e9}"] {
            let status = JobStatus::parse(unknown);
            assert!(!status.is_terminal(), "{unknown:?}");
            assert_eq!(status.as_str(), unknown);
        }
    }

    #[test]
    fn the_name_of_a_status_is_a_short_plain_word() {
        for good in ["cancelled", "timed-out", "step_2", &"x".repeat(64)] {
            assert_eq!(JobStatus::new(good).unwrap().as_str(), good);
            assert!(JobStatus::terminal(good).unwrap().is_terminal());
        }
        for bad in [
            "",
            "Cancelled",
            "a b",
            "a\"",
            "\u{e9}",
            "a\n",
            &"x".repeat(65),
        ] {
            assert_eq!(
                JobStatus::new(bad),
                Err(StatusNameError::Malformed),
                "{bad:?}"
            );
        }
        let reserved = JobStatus::terminal("deleted");
        assert_eq!(reserved, Err(StatusNameError::Reserved));
    }
}
