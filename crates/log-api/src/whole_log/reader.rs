//! Reads a log from a position to the end that it had at the beginning of the request.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use log_domain::{EntryId, JobId, Line, ReadLimit};
use log_store::{LogStore, StoreError};

use crate::access::{StreamPermit, StreamSignal};

/// A failover of the store takes seconds: a long answer waits for it.
pub(super) const PATIENCE: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(100))
    .with_max_delay(Duration::from_secs(2))
    .with_max_times(8);

/// The answer is not complete: its body is broken off, so that the client sees that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupted {
    /// The store cannot be read.
    #[error("the log cannot be read")]
    Store(#[from] StoreError),
    /// The access of the reader has ended, or must be proved again.
    #[error("the reader's access has ended")]
    Withdrawn,
    /// Lines that were still to be read have been trimmed or lost, and the answer must have them.
    #[error("lines were trimmed while the log was being read")]
    Trimmed,
}

/// One reader of one log.
pub(crate) struct LogReader {
    store: Arc<dyn LogStore>,
    job: JobId,
    position: EntryId,
    /// Whether a line was read. Only then lines may be missed.
    has_begun: bool,
    /// The last line to read.
    end: EntryId,
    limit: ReadLimit,
    /// The counted place of the request, and the lease of its reader.
    permit: StreamPermit,
}

impl LogReader {
    /// A reader of the lines after `after` that the log has now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn open(
        store: Arc<dyn LogStore>,
        job: JobId,
        after: EntryId,
        limit: ReadLimit,
        permit: StreamPermit,
    ) -> Result<Self, StoreError> {
        let end = store.bounds(&job).await?.last_id;
        Ok(Self {
            store,
            job,
            position: after,
            has_begun: false,
            end,
            limit,
            permit,
        })
    }

    /// Does not read the lines from this id on.
    pub(crate) fn end_before(mut self, id: EntryId) -> Self {
        self.end = self.end.min(id.previous().unwrap_or(EntryId::ZERO));
        self
    }

    /// The next lines, oldest first. `None` at the end.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Line>>, Interrupted> {
        if self.permit.poll_signal(Waker::noop()) != StreamSignal::Continue {
            return Err(Interrupted::Withdrawn);
        }
        if self.position >= self.end {
            return Ok(None);
        }
        let read = || (self.store).read_after(&self.job, self.position, self.limit);
        let mut read = read
            .retry(PATIENCE)
            .sleep(tokio::time::sleep)
            .when(StoreError::is_retryable)
            .await?;
        let is_missing = read.lines.is_empty() || read.gap(self.position).is_some();
        if self.has_begun && is_missing {
            return Err(Interrupted::Trimmed);
        }
        read.lines.retain(|line| line.id <= self.end);
        let Some(last) = read.lines.last() else {
            return Ok(None);
        };
        self.has_begun = true;
        self.position = last.id;
        Ok(Some(read.lines))
    }
}
