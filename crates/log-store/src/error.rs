//! Errors: one small struct for each failure, one enum for each kind of operation.

use std::fmt;
use std::sync::Arc;

use log_domain::IllegalTransition;
use thiserror::Error;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// In an `Arc`, because one failed read may be the answer to many callers. A derived `source` would return the `Arc`, and not
/// the error of the backend, which callers may look for.
type Source = Arc<dyn std::error::Error + Send + Sync>;

/// The store could not be reached, did not answer in time, or cannot do this now. Trying again may help.
#[derive(Debug, Clone)]
pub struct StoreUnavailable {
    source: Source,
}

impl StoreUnavailable {
    /// Wraps the error of the backend.
    pub fn new(source: impl Into<Boxed>) -> Self {
        Self {
            source: source.into().into(),
        }
    }
}

impl fmt::Display for StoreUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store cannot be reached: {}", self.source)
    }
}

impl std::error::Error for StoreUnavailable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// The store answered, and the same operation would fail again: a key of another type, a damaged file. Trying again does not
/// help.
#[derive(Debug, Clone)]
pub struct StoreRefused {
    source: Source,
}

impl StoreRefused {
    /// Wraps the error of the backend.
    pub fn new(source: impl Into<Boxed>) -> Self {
        Self {
            source: source.into().into(),
        }
    }
}

impl fmt::Display for StoreRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store refused: {}", self.source)
    }
}

impl std::error::Error for StoreRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}

/// What is kept under the name of the log is something else, so there is no such log.
#[derive(Debug, Clone, Error)]
#[error("there is no such log: its key holds something else")]
pub struct NotALog;

/// An operation failed.
///
/// After [`StoreError::Unavailable`] a write may have happened nevertheless: some of the lines may have been appended.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store could not be reached, did not answer in time, or cannot do this now.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The store answered, and refused.
    #[error(transparent)]
    Refused(#[from] StoreRefused),
    /// There is no such log, and nobody can write one under this name.
    #[error(transparent)]
    NotALog(#[from] NotALog),
}

impl StoreError {
    /// Whether the same operation can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(_) | Self::NotALog(_) => false,
        }
    }
}

/// A job could not be created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateJobError {
    /// A job with this id exists.
    #[error("the job exists already")]
    Exists,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A job could not be moved to another status.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransitionError {
    /// There is no such job.
    #[error("the job does not exist")]
    NotFound,
    /// This step is not allowed.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The step was taken as a run, and another run has the job.
    #[error("another run has the job")]
    Claimed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
