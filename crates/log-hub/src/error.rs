//! Why a hub cannot be made.

use thiserror::Error;

/// A hub cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HubError {
    /// There is no tokio runtime to run feeds on. Make the hub in an `async` function, or after
    /// [`Handle::enter`](tokio::runtime::Handle::enter).
    #[error("a hub is made inside a tokio runtime, and there is none here")]
    NoRuntime,
}
