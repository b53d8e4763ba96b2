//! Getting the bytes of a key set: the seam that tests and other HTTP clients plug into.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::KeySetError;

/// Gets the JWKS document of one instance.
///
/// An implementation MUST take its address from configuration only and MUST NOT follow redirects:
/// whoever serves this document decides who is signed in. It MUST bound what it reads.
/// [`RemoteKeys`](super::RemoteKeys) bounds the time, calls it once at a time, and may drop the
/// call.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// Gets the document.
    ///
    /// # Errors
    ///
    /// [`FetchError`] with whatever went wrong; it is logged.
    async fn fetch(&self) -> Result<Fetched, FetchError>;
}

/// A document, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The document, not yet parsed.
    pub body: Vec<u8>,
    /// `max-age` of `Cache-Control`, where there was one.
    pub max_age: Option<Duration>,
}

/// A document could not be got.
#[derive(Debug, Error)]
#[error("the key set cannot be fetched")]
pub struct FetchError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl FetchError {
    /// Wraps what the client said.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Why a set was not renewed.
#[derive(Debug, Error)]
pub(super) enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the answer is no key set to work with")]
    KeySet(#[from] KeySetError),
    #[error("the fetch took too long")]
    TimedOut,
    #[error("the fetch was dropped")]
    Dropped,
}
