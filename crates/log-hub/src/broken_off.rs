//! The end of a stream whose log goes on.

use log_domain::EntryId;

/// The stream ends before the log does: the server stops, or the store refuses to be read. The client comes back with its
/// cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stream is broken off after {position}; the client can come back with this cursor")]
#[non_exhaustive]
pub struct BrokenOff {
    /// The cursor of the client.
    pub position: EntryId,
}

impl BrokenOff {
    pub(crate) const fn at(position: EntryId) -> Self {
        Self { position }
    }
}
