//! A store whose answers a test can hold back, delay, count and refuse.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use log_domain::{Batch, EntryId, JobId, LogBounds, Order, ReadLimit, Span};
use log_store::{
    FaultyStore, LogStore, LogWatch, MemoryStore, NewLine, StoreError, StoreRefused,
    StoreUnavailable, TailRead,
};
use tokio::sync::watch;

use crate::fixture::Fixture;

/// A store around another one. While a test holds reads back,
///
/// - a read of a viewer that catches up takes place at once, and its answer comes late;
/// - a read of a feed takes place late, or its answer comes late.
#[derive(Clone)]
pub(crate) struct ControlledStore {
    inner: FaultyStore<MemoryStore>,
    controls: Arc<Controls>,
}

#[derive(Default)]
pub(crate) struct Controls {
    answers_held: watch::Sender<bool>,
    feeds_held: watch::Sender<bool>,
    feed_answers_held: watch::Sender<bool>,
    /// Every read of a feed is refused.
    feeds_refused: watch::Sender<bool>,
    /// How many of the next reads of a feed fail after they have taken place. Their notice is used up then.
    feed_answers_lost: AtomicUsize,
    /// Every read of a viewer is refused.
    viewers_refused: watch::Sender<bool>,
    /// A producer writes more before each read of a feed than the read takes.
    outruns_feeds: AtomicBool,
    /// The last line that it has written.
    outrun_up_to: AtomicU64,
    /// How late an answer may be at most, and the source of chance that says how late each one is.
    lateness: Mutex<Option<(Duration, Rng)>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// The cursors of the reads of viewers, in the order of the reads.
    cursors: Mutex<Vec<EntryId>>,
}

impl ControlledStore {
    /// A fixture over such a store.
    pub(crate) async fn fixture(
        change: impl FnOnce(&mut log_hub::HubOptions),
    ) -> (Fixture, Arc<Controls>) {
        let inner = FaultyStore::new(MemoryStore::new());
        let store = Self {
            inner: inner.clone(),
            controls: Arc::default(),
        };
        let controls = store.controls.clone();
        (
            Fixture::over(Arc::new(store), inner, change).await,
            controls,
        )
    }
}

impl Controls {
    pub(crate) fn hold_answers(&self, held: bool) {
        self.answers_held.send_replace(held);
    }

    pub(crate) fn hold_feeds(&self, held: bool) {
        self.feeds_held.send_replace(held);
    }

    pub(crate) fn hold_feed_answers(&self, held: bool) {
        self.feed_answers_held.send_replace(held);
    }

    pub(crate) fn lose_feed_answers(&self, reads: usize) {
        self.feed_answers_lost.store(reads, Ordering::SeqCst);
    }

    pub(crate) fn refuse_feeds(&self, refused: bool) {
        self.feeds_refused.send_replace(refused);
    }

    pub(crate) fn refuse_viewers(&self, refused: bool) {
        self.viewers_refused.send_replace(refused);
    }

    /// Lets a producer write, from line 1 on, twice as many lines before each read of a feed as the read takes. Each read
    /// takes 5 ms.
    pub(crate) fn outrun_feeds(&self) {
        self.outruns_feeds.store(true, Ordering::SeqCst);
    }

    /// The last line that this producer has written.
    pub(crate) fn outrun_up_to(&self) -> u64 {
        self.outrun_up_to.load(Ordering::SeqCst)
    }

    /// Lets every answer be late by up to `most`, at random.
    pub(crate) fn set_lateness(&self, most: Duration, rng: Rng) {
        *self.lateness.lock().unwrap() = Some((most, rng));
    }

    /// Waits until the answer of a read that has taken place may be given.
    async fn answer(&self, held: &watch::Sender<bool>) {
        released(held).await;
        let late = self.lateness.lock().unwrap().as_mut().map(|(most, rng)| {
            // Most answers come at once.
            let share = rng.f64() * f64::from(rng.u8(0..10) / 9);
            most.mul_f64(share)
        });
        if let Some(late) = late {
            tokio::time::sleep(late).await;
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn cursors(&self) -> Vec<EntryId> {
        self.cursors.lock().unwrap().clone()
    }
}

/// Counts a read while it is under way, until it is answered or dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn begin(controls: &'a Controls) -> Self {
        let now = controls.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        controls.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(&controls.in_flight)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn released(held: &watch::Sender<bool>) {
    held.subscribe().wait_for(|held| !held).await.unwrap();
}

fn check(refused: &watch::Sender<bool>) -> Result<(), StoreError> {
    if *refused.borrow() {
        return Err(StoreRefused::new("a refusal of the test").into());
    }
    Ok(())
}

#[async_trait]
impl LogStore for ControlledStore {
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
        let _in_flight = InFlight::begin(&self.controls);
        self.controls.cursors.lock().unwrap().push(after);
        check(&self.controls.viewers_refused)?;
        let answer = self.inner.read_after(job, after, limit).await;
        self.controls.answer(&self.controls.answers_held).await;
        answer
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.inner.bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(ControlledWatch {
            inner: self.inner.watch_log(job),
            store: self.inner.clone(),
            job: job.clone(),
            controls: self.controls.clone(),
        })
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.inner.ping_logs().await
    }
}

struct ControlledWatch {
    inner: Box<dyn LogWatch>,
    store: FaultyStore<MemoryStore>,
    job: JobId,
    controls: Arc<Controls>,
}

impl ControlledWatch {
    /// Writes more than a read takes.
    async fn outrun(&mut self, limit: ReadLimit) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        for _ in 0..2 * limit.lines {
            let n = self.controls.outrun_up_to.fetch_add(1, Ordering::SeqCst) + 1;
            let store = self.store.inner();
            store.append_at(&self.job, EntryId::new(n, 0), &NewLine::default());
        }
    }
}

#[async_trait]
impl LogWatch for ControlledWatch {
    async fn changed(&mut self) {
        self.inner.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        released(&self.controls.feeds_held).await;
        check(&self.controls.feeds_refused)?;
        if self.controls.outruns_feeds.load(Ordering::SeqCst) {
            self.outrun(limit).await;
        }
        let answer = self.inner.read_after(after, limit).await;
        self.controls.answer(&self.controls.feed_answers_held).await;
        let one_less = |left: usize| left.checked_sub(1);
        let lost = &self.controls.feed_answers_lost;
        match lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => Err(StoreUnavailable::new("the answer is lost").into()),
            Err(_) => answer,
        }
    }
}
