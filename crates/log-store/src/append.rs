//! Appending lines: the producer's side.

use async_trait::async_trait;
use log_domain::{EntryId, JobId};

use crate::error::StoreError;

/// A line to append; the store gives it its id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewLine {
    /// When the worker wrote it, ISO 8601.
    pub ts: Option<String>,
    /// The channel it came from, see [`log_domain::Source`].
    pub source: Option<String>,
    /// The line, without its newline.
    pub text: Option<String>,
    /// The part of the build that wrote it.
    pub phase: Option<String>,
}

/// Appends lines to the logs of jobs.
///
/// # Contract
///
/// * **A1** The lines of one call MUST stand in the log in their order. Lines of other producers MAY stand between.
/// * **A2** When the call returns, the lines MUST be visible to every read (R5 of [`crate::LogStore`]).
/// * **A3** The log MUST keep at least its newest 50,000 lines for 24 hours after its last append, and MAY forget
///   older ones; it MUST be forgotten at some time, unless it is appended to.
/// * **A4** A failed call MAY have appended some of the lines, from the first on. A producer that must not repeat a
///   line reads before it tries again.
/// * **A5** Once a call has failed, each of its lines MUST be visible to the store's reads ([`crate::LogStore`]) that
///   begin afterwards, or never come. What such a read does not find may be sent again.
#[async_trait]
pub trait LogAppend: Send + Sync + 'static {
    /// Appends lines and returns their ids. No lines is no work.
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError>;
}
