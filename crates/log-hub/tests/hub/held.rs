//! A store whose answers a test holds back, delays, counts and refuses.

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

use crate::stage::Stage;

/// Around a store: the reads of viewers that catch up take place at once and **answer** late; the reads of feeds
/// take place late, or answer late.
#[derive(Clone)]
pub(crate) struct HeldStore {
    inner: FaultyStore<MemoryStore>,
    switches: Arc<Switches>,
}

#[derive(Default)]
pub(crate) struct Switches {
    answers_held: watch::Sender<bool>,
    feeds_held: watch::Sender<bool>,
    feed_answers_held: watch::Sender<bool>,
    /// Says no to every read of a feed.
    feeds_refused: watch::Sender<bool>,
    /// How many of the next reads of a feed fail after they have taken place: their notice is used up.
    feed_answers_lost: AtomicUsize,
    /// Says no to every read of a viewer.
    viewers_refused: watch::Sender<bool>,
    /// A producer writes more before each read of a feed than the read takes.
    outruns_feeds: AtomicBool,
    /// The last line that it has written.
    outrun_up_to: AtomicU64,
    /// How late an answer may be, and what says how late each one is.
    lateness: Mutex<Option<(Duration, Rng)>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// The cursors of the reads of viewers, in the order of the reads.
    cursors: Mutex<Vec<EntryId>>,
}

impl HeldStore {
    /// A stage over such a store.
    pub(crate) async fn stage(
        change: impl FnOnce(&mut log_hub::HubOptions),
    ) -> (Stage, Arc<Switches>) {
        let inner = FaultyStore::new(MemoryStore::new());
        let held = Self {
            inner: inner.clone(),
            switches: Arc::default(),
        };
        let switches = held.switches.clone();
        (Stage::over(Arc::new(held), inner, change).await, switches)
    }
}

impl Switches {
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

    /// Waits until an answer may be given that was read a moment ago.
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

/// Counts a read as long as it lives, a dropped one too.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn begin(switches: &'a Switches) -> Self {
        let now = switches.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        switches.most_in_flight.fetch_max(now, Ordering::SeqCst);
        Self(&switches.in_flight)
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
        return Err(StoreRefused::new("it is not for you").into());
    }
    Ok(())
}

#[async_trait]
impl LogStore for HeldStore {
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
        let _in_flight = InFlight::begin(&self.switches);
        self.switches.cursors.lock().unwrap().push(after);
        check(&self.switches.viewers_refused)?;
        let answer = self.inner.read_after(job, after, limit).await;
        self.switches.answer(&self.switches.answers_held).await;
        answer
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.inner.bounds(job).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(HeldWatch {
            inner: LogStore::watch(&self.inner, job),
            store: self.inner.clone(),
            job: job.clone(),
            switches: self.switches.clone(),
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        LogStore::ping(&self.inner).await
    }
}

struct HeldWatch {
    inner: Box<dyn LogWatch>,
    store: FaultyStore<MemoryStore>,
    job: JobId,
    switches: Arc<Switches>,
}

impl HeldWatch {
    /// Writes more than a read takes.
    async fn outrun(&mut self, limit: ReadLimit) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        for _ in 0..2 * limit.lines {
            let n = self.switches.outrun_up_to.fetch_add(1, Ordering::SeqCst) + 1;
            let store = self.store.inner();
            store.append_at(&self.job, EntryId::new(n, 0), &NewLine::default());
        }
    }
}

#[async_trait]
impl LogWatch for HeldWatch {
    async fn changed(&mut self) {
        self.inner.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        released(&self.switches.feeds_held).await;
        check(&self.switches.feeds_refused)?;
        if self.switches.outruns_feeds.load(Ordering::SeqCst) {
            self.outrun(limit).await;
        }
        let answer = self.inner.read_after(after, limit).await;
        self.switches.answer(&self.switches.feed_answers_held).await;
        let one_less = |left: usize| left.checked_sub(1);
        let lost = &self.switches.feed_answers_lost;
        match lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => Err(StoreUnavailable::new("the answer is lost").into()),
            Err(_) => answer,
        }
    }
}
