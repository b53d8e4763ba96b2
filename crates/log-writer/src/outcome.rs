//! How a job ends, and what can go wrong at its end.

use std::process::ExitStatus;

use log_domain::JobStatus;
use log_store::TransitionError;
use thiserror::Error;

use crate::queue::Stats;

/// How a job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Ready,
    /// It failed, or somebody cancelled it.
    Failed,
    /// Another status that ends a job in the store's [`Lifecycle`](log_domain::Lifecycle), for example `cancelled`.
    Other(JobStatus),
}

impl Outcome {
    /// The final status of the job.
    #[must_use]
    pub fn status(self) -> JobStatus {
        match self {
            Self::Ready => JobStatus::READY,
            Self::Failed => JobStatus::FAILED,
            Self::Other(status) => status,
        }
    }
}

impl From<ExitStatus> for Outcome {
    /// Exit code 0 means ready. Any other code, or a signal, means failed.
    fn from(status: ExitStatus) -> Self {
        if status.success() {
            Self::Ready
        } else {
            Self::Failed
        }
    }
}

/// A flush gave up while lines were still waiting for the store. These lines are not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{waiting} lines still wait for the log store")]
#[non_exhaustive]
pub struct FlushError {
    /// How many lines are waiting.
    pub waiting: u64,
}

/// The log is complete, but the job did not get its final status.
#[derive(Debug, Error)]
#[error("the job did not end: {source}")]
#[non_exhaustive]
pub struct FinishError {
    /// Why.
    pub source: TransitionError,
    /// What happened to the lines.
    pub stats: Stats,
}

/// The work of [`crate::LogWriter::scope`] failed, or the job did not get its final status.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScopeError<E> {
    /// The work failed, and the job ended `failed`.
    #[error("{0}")]
    Work(E),
    /// The work is done, but the job did not end.
    #[error(transparent)]
    Finish(#[from] FinishError),
}
