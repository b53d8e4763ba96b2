//! Reads of the store for viewers that catch up: one a job at a time, so many in all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use log_domain::{EntryId, Line};
use log_store::{StoreError, TailRead};

use crate::backlog::Batch;
use crate::feed::{End, Feed};
use crate::shared::Shared;
use crate::stats::Counters;

/// A read that waits for its turn, or is under way.
pub(crate) type Read = Pin<Box<dyn Future<Output = Result<Found, StoreError>> + Send>>;

/// What a viewer that catches up has found after its position.
pub(crate) enum Found {
    /// In the store.
    Read(TailRead),
    /// In the feed, while it waited for its turn to read.
    Known(Batch),
}

/// Reads what comes after a position, when it is the reader's turn.
pub(crate) fn read(shared: Arc<Shared>, feed: Arc<Feed>, after: EntryId) -> Read {
    Box::pin(async move {
        let _turn = feed.catch_up.lock().await;
        // Whoever was before us may have read the same.
        if let Some(batch) = feed.lock().known(after).cloned() {
            return Ok(Found::Known(batch));
        }
        // The semaphore is never closed; without it a read would only be unpaced.
        let _permit = shared.catch_up.acquire().await.ok();
        Counters::add(&shared.counters.catch_up_reads, 1);
        let limit = shared.options.viewers_read();
        let read = shared.store.read_after(&feed.job, after, limit).await;
        read.map(Found::Read)
    })
}

/// The lines that belong to a log that has ended at a position.
pub(crate) fn up_to(lines: &[Line], end: Option<End>) -> &[Line] {
    let Some(end) = end else { return lines };
    &lines[..lines.partition_point(|line| line.id <= end.position)]
}
