//! A job that is slow to be opened or read does not hold up the viewers of other jobs.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, JobId, LogBounds, Order, ReadLimit, Span, Start};
use log_hub::{Hub, HubOptions};
use log_store::{LogStore, LogWatch, MemoryStore, StoreError, TailRead};
use tokio::time::timeout;

use crate::fixture::{create, job};

/// Far more than it takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store that blocks its thread when the log of one job is to be watched.
struct SlowWatches {
    inner: MemoryStore,
    slow: JobId,
    /// Told when it blocks.
    blocks: mpsc::SyncSender<()>,
    /// Lets it go on.
    go_on: Mutex<mpsc::Receiver<()>>,
}

#[async_trait]
impl LogStore for SlowWatches {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        self.inner.read(job, span, order, limit).await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.inner.read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.inner.bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        if *job == self.slow {
            self.blocks.send(()).unwrap();
            let _ = self.go_on.lock().unwrap().recv();
        }
        self.inner.watch_log(job)
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_that_is_slow_to_begin_holds_up_no_other_job() {
    let inner = MemoryStore::new();
    let (slow, other) = (job("slow"), job("other"));
    for job in [&slow, &other] {
        create(&inner, job).await;
    }
    let (blocks, blocked) = mpsc::sync_channel(1);
    let (let_go, go_on) = mpsc::sync_channel(1);
    let store = SlowWatches {
        inner: inner.clone(),
        slow: slow.clone(),
        blocks,
        go_on: Mutex::new(go_on),
    };
    let hub = Hub::new(Arc::new(store), Arc::new(inner), HubOptions::default()).unwrap();
    let open = |job: JobId| {
        let hub = hub.clone();
        tokio::spawn(async move { hub.open(&job, Start::Live).await.map(drop) })
    };
    let slow = open(slow);
    blocked.recv_timeout(PATIENCE).unwrap();
    // Dropped where this fails, and then the slow one goes on.
    let let_go = let_go;
    timeout(PATIENCE, open(other))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(!slow.is_finished());
    let_go.send(()).unwrap();
    slow.await.unwrap().unwrap();
}
