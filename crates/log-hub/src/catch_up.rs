//! Reads of the store for viewers that catch up: one at a time for each job, and a bounded number in all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use log_domain::EntryId;
use log_store::{StoreError, TailRead};

use crate::feed::Feed;
use crate::inner::HubInner;
use crate::recent_batches::RecentBatch;
use crate::stats::Counters;

/// A read that waits for its turn, or is under way.
pub(crate) type CatchUpRead = Pin<Box<dyn Future<Output = Result<Found, StoreError>> + Send>>;

/// What a viewer that catches up has found after its position.
pub(crate) enum Found {
    /// In the store.
    InStore(TailRead),
    /// In the feed: another viewer has read it while this one waited for its turn.
    InFeed(RecentBatch),
}

/// Reads what comes after a position, when it is the reader's turn.
pub(crate) fn read(hub: Arc<HubInner>, feed: Arc<Feed>, after: EntryId) -> CatchUpRead {
    Box::pin(async move {
        let _turn = feed.catch_up.lock().await;
        if let Some(batch) = feed.lock().recent_batch(after).cloned() {
            return Ok(Found::InFeed(batch));
        }
        // The semaphore is never closed. Without a permit, the read would only not be counted.
        let _permit = hub.catch_up.acquire().await.ok();
        Counters::add(&hub.counters.catch_up_reads, 1);
        let limit = hub.options.viewers_read();
        let read = hub.store.read_after(&feed.job, after, limit).await;
        read.map(Found::InStore)
    })
}
