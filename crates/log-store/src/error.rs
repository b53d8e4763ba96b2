//! What can go wrong: one small struct a failure, one enum an operation.

use std::fmt;
use std::sync::Arc;

use log_domain::IllegalTransition;
use thiserror::Error;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// Shared, because one failed read may be the answer to many who asked. A derived `source` would show the pointer and not
/// what the backend said, which callers may look for.
type Source = Arc<dyn std::error::Error + Send + Sync>;

/// The store could not be reached, or did not answer in time. Worth trying again.
#[derive(Debug, Clone)]
pub struct StoreUnavailable {
    source: Source,
}

impl StoreUnavailable {
    /// Wraps what the backend said.
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

/// The store answered, and what it said makes no sense or forbids the operation: a missing permission, a
/// key of another type, a damaged file. Trying again does not help.
#[derive(Debug, Clone)]
pub struct StoreRefused {
    source: Source,
}

impl StoreRefused {
    /// Wraps what the backend said.
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

/// A store could not do what it was asked.
///
/// After [`StoreError::Unavailable`] a write may have happened all the same: some of the lines may have been appended.
#[derive(Debug, Clone, Error)]
pub enum StoreError {
    /// The store could not be reached, or did not answer in time.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// The store answered, and refused.
    #[error(transparent)]
    Refused(#[from] StoreRefused),
}

impl StoreError {
    /// Whether the same operation can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Refused(_) => false,
        }
    }
}

/// A job could not be created.
#[derive(Debug, Error)]
pub enum CreateJobError {
    /// There is a job of that id already.
    #[error("the job exists already")]
    Exists,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A job could not be moved to another status.
#[derive(Debug, Error)]
pub enum TransitionError {
    /// There is no such job.
    #[error("the job does not exist")]
    NotFound,
    /// No producer may take this step.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
