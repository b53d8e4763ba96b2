//! The status of a job: which ones end it, and which one may follow which.

use std::fmt;

/// What a job is doing, or how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobStatus {
    /// It waits for a worker.
    Queued,
    /// It waits for its time.
    Scheduled,
    /// A worker has taken it.
    Starting,
    /// It lays out the project.
    Scaffold,
    /// It writes the code.
    Code,
    /// It installs dependencies.
    Deps,
    /// It runs the checks.
    Checks,
    /// It has succeeded. Terminal.
    Ready,
    /// It has failed, or was cancelled. Terminal.
    Failed,
    /// A status that this version does not know. It is not terminal, and not an error.
    Other(Box<str>),
}

impl JobStatus {
    /// Reads the text that a producer wrote; unknown text is [`JobStatus::Other`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "queued" => Self::Queued,
            "scheduled" => Self::Scheduled,
            "starting" => Self::Starting,
            "scaffold" => Self::Scaffold,
            "code" => Self::Code,
            "deps" => Self::Deps,
            "checks" => Self::Checks,
            "ready" => Self::Ready,
            "failed" => Self::Failed,
            other => Self::Other(other.into()),
        }
    }

    /// The text that a producer writes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Scheduled => "scheduled",
            Self::Starting => "starting",
            Self::Scaffold => "scaffold",
            Self::Code => "code",
            Self::Deps => "deps",
            Self::Checks => "checks",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Other(text) => text,
        }
    }

    /// Whether the job has ended: only with `ready` and `failed`.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }

    /// Whether a producer may move a job from this status to `next` in one step.
    #[must_use]
    pub fn may_become(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Queued, Self::Starting | Self::Scheduled)
            | (Self::Scheduled, Self::Queued)
            | (Self::Starting, Self::Scaffold)
            | (Self::Scaffold, Self::Code)
            | (Self::Code, Self::Deps)
            | (Self::Deps, Self::Checks)
            | (Self::Checks, Self::Ready | Self::Scaffold) => true,
            (from, Self::Failed) => !from.is_terminal() && *from != Self::Scheduled,
            _ => false,
        }
    }

    /// An error if [`JobStatus::may_become`] does not allow the step.
    ///
    /// # Errors
    /// The step is not allowed; the error names both statuses.
    pub fn check_step(&self, next: &Self) -> Result<(), IllegalTransition> {
        if self.may_become(next) {
            return Ok(());
        }
        Err(IllegalTransition {
            from: self.clone(),
            to: next.clone(),
        })
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change of status that no producer may make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The status of the job.
    pub from: JobStatus,
    /// The status that was refused.
    pub to: JobStatus,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a job that is `{}` cannot become `{}`",
            self.from, self.to
        )
    }
}

impl std::error::Error for IllegalTransition {}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 9] = [
        "queued",
        "scheduled",
        "starting",
        "scaffold",
        "code",
        "deps",
        "checks",
        "ready",
        "failed",
    ];

    #[test]
    fn every_status_reads_back_as_it_was_written() {
        for text in KNOWN {
            let status = JobStatus::parse(text);
            assert_eq!(status.as_str(), text);
            assert!(!matches!(status, JobStatus::Other(_)));
        }
    }

    #[test]
    fn only_ready_and_failed_are_terminal() {
        let terminal: Vec<_> = KNOWN
            .into_iter()
            .filter(|text| JobStatus::parse(text).is_terminal())
            .collect();
        assert_eq!(terminal, ["ready", "failed"]);
        for unknown in ["", "READY", "deleted", "cancelled"] {
            assert!(!JobStatus::parse(unknown).is_terminal(), "{unknown:?}");
        }
    }

    /// The whole table of contract.md, "Transitions the existing producers allow".
    #[test]
    fn the_allowed_steps_are_those_of_the_contract() {
        let allowed = [
            ("queued", "starting"),
            ("queued", "scheduled"),
            ("scheduled", "queued"),
            ("starting", "scaffold"),
            ("scaffold", "code"),
            ("code", "deps"),
            ("deps", "checks"),
            ("checks", "ready"),
            ("checks", "scaffold"),
            ("queued", "failed"),
            ("starting", "failed"),
            ("scaffold", "failed"),
            ("code", "failed"),
            ("deps", "failed"),
            ("checks", "failed"),
        ];
        for from in KNOWN {
            for to in KNOWN {
                let expected = allowed.contains(&(from, to));
                let step = JobStatus::parse(from).check_step(&JobStatus::parse(to));
                assert_eq!(step.is_ok(), expected, "{from} → {to}");
            }
        }
    }

    #[test]
    fn an_illegal_step_names_both_statuses() {
        let refused = JobStatus::Failed.check_step(&JobStatus::Ready).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a job that is `failed` cannot become `ready`"
        );
    }
}
