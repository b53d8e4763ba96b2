//! Fetching the bytes of a key set: the trait for other HTTP clients and for tests.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::KeySetError;

/// Fetches the JWKS document of one instance.
///
/// Whoever serves this document decides who is signed in. So an implementation MUST take its URL
/// from configuration only and MUST NOT follow redirects. It MUST limit how many bytes it reads.
///
/// [`RemoteKeys`](crate::RemoteKeys) limits the time of a call, never makes two calls at once, and
/// may drop a call.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// Fetches the document.
    ///
    /// # Errors
    ///
    /// [`FetchError`] with the cause. It is logged.
    async fn fetch(&self) -> Result<Fetched, FetchError>;
}

/// A fetched document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetched {
    /// The document, not yet parsed.
    pub body: Vec<u8>,
    /// The `max-age` of `Cache-Control`, if there was one.
    pub max_age: Option<Duration>,
}

/// A document could not be fetched.
#[derive(Debug, Error)]
#[error("the key set cannot be fetched")]
pub struct FetchError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl FetchError {
    /// Wraps the error of the HTTP client.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Why a key set was not refreshed.
#[derive(Debug, Error)]
pub(super) enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the answer is not a usable key set")]
    KeySet(#[from] KeySetError),
    #[error("the fetch took too long")]
    TimedOut,
    #[error("the fetch was dropped")]
    Dropped,
}
