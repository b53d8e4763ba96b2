//! Failures of the file, and which errors of the store they become.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::layout::FORMAT;
use crate::error::{CreateJobError, StoreError, StoreRefused, StoreUnavailable, TransitionError};

/// The embedded store could not be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another store, of this process or another one, has the directory open.
    #[error("the log store in {} is in use: only one process can have it open", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory was written by another version of this crate.
    #[error("the log store in {} has format {found}, and this version reads {FORMAT}", dir.display())]
    OtherFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format.
        found: u64,
    },
    /// There is no tokio runtime to read files on.
    #[error("an embedded store is opened inside a tokio runtime, and there is none here")]
    NoRuntime,
    /// The directory or its file cannot be used.
    #[error("the log store in {} cannot be opened: {source}", dir.display())]
    Backend {
        /// The directory.
        dir: PathBuf,
        /// What the file system or the backend said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The writer or a reader is gone: it panicked, or the runtime is shutting down.
#[derive(Debug, Clone, Copy, Error)]
#[error("the store is closing")]
pub(super) struct Closing;

/// Bytes in the file that this crate did not write.
pub(super) fn damaged(what: &str) -> redb::Error {
    redb::Error::Corrupted(format!("{what} cannot be read"))
}

/// A failed operation. It becomes the error of that operation.
#[derive(Debug)]
pub(super) struct Failure(StoreError);

impl From<Closing> for Failure {
    fn from(error: Closing) -> Self {
        Self(StoreUnavailable::new(error).into())
    }
}

impl From<redb::Error> for Failure {
    fn from(error: redb::Error) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<redb::Error>> for Failure {
    /// A disk that fails or is full is an outage, and so is a file that is being opened again after that. Every other error
    /// is about the file itself.
    fn from(error: Arc<redb::Error>) -> Self {
        Self(match *error {
            redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                StoreUnavailable::new(error).into()
            }
            _ => StoreRefused::new(error).into(),
        })
    }
}

impl From<Failure> for StoreError {
    fn from(Failure(error): Failure) -> Self {
        error
    }
}

impl From<Failure> for CreateJobError {
    fn from(Failure(error): Failure) -> Self {
        error.into()
    }
}

impl From<Failure> for TransitionError {
    fn from(Failure(error): Failure) -> Self {
        error.into()
    }
}
