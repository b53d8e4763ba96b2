//! A wrapper that injects faults: any store, with a connection that can be lost.

mod access;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, Job, JobId, JobStatus, LogBounds, Order, ReadLimit, Span};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::{
    CreateJobError, JobWatch, JobWrites, Jobs, LogAppend, LogStore, LogWatch, NewJob, NewLine,
    StoreError, StoreUnavailable, TailRead, Transition, TransitionError,
};

/// A store whose calls fail, wait and lose their notices when a test wants them to; as long as none does, it is
/// the store it wraps, and keeps the contract. It keeps it with faults, too: that is what they are for.
///
/// Clones share the store and its [`Faults`]. Works on a paused clock where the wrapped store does.
///
/// ```
/// use log_store::{FaultyStore, LogStore, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = FaultyStore::new(MemoryStore::new());
/// store.faults().cut();
/// assert!(store.ping().await.is_err());
/// store.faults().mend();
/// assert!(store.ping().await.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: Arc<S>,
    faults: Arc<Faults>,
}

impl<S> Clone for FaultyStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            faults: Arc::clone(&self.faults),
        }
    }
}

impl<S> FaultyStore<S> {
    /// Wraps a store; no fault is on.
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            faults: Arc::new(Faults::default()),
        }
    }

    /// The wrapped store, to change it while this one is cut.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The switches.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// The switches of a [`FaultyStore`].
#[derive(Debug, Default)]
pub struct Faults {
    line: watch::Sender<Connection>,
    /// How many of the next calls fail.
    failing: AtomicU64,
    /// How many calls were made.
    calls: AtomicU64,
}

/// The connection a test plays with.
#[derive(Debug, Clone, Copy, Default)]
struct Connection {
    away: bool,
    /// How often it was lost.
    losses: u64,
    /// How often every watch was told: after each loss, and on demand.
    notices: u64,
    latency: Duration,
    spurious: Option<Duration>,
}

/// What an injected failure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an injected fault")]
pub struct InjectedFault;

impl Faults {
    /// Loses the connection: calls fail as unavailable, those under way too (what they did stays done), and
    /// watches hear nothing, until [`Faults::mend`].
    pub fn cut(&self) {
        self.line.send_modify(|line| {
            line.away = true;
            line.losses += 1;
        });
    }

    /// Makes the connection again. Every watch is told: it cannot know what it missed.
    pub fn mend(&self) {
        self.line.send_modify(|line| {
            line.away = false;
            line.notices += 1;
        });
    }

    /// Loses the connection and makes it again at once: calls under way fail, notices on their way are lost and
    /// made up for.
    pub fn interrupt(&self) {
        self.line.send_modify(|line| {
            line.losses += 1;
            line.notices += 1;
        });
    }

    /// Lets the next `calls` calls fail.
    pub fn fail_next(&self, calls: u64) {
        self.failing.store(calls, Ordering::SeqCst);
    }

    /// Lets every call wait before it does anything.
    pub fn set_latency(&self, latency: Duration) {
        self.line.send_modify(|line| line.latency = latency);
    }

    /// Tells every watch once, though nothing changed.
    pub fn notify_all(&self) {
        self.line.send_modify(|line| line.notices += 1);
    }

    /// Tells a watch that waited this long, though nothing changed; `None` is the end of that.
    pub fn set_spurious_every(&self, period: Option<Duration>) {
        self.line.send_modify(|line| line.spurious = period);
    }

    /// How many calls were made, failed ones included; waiting for a notice is none.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// One call: it waits, fails if it is to, and fails if the connection is lost before it ends.
    async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let begun = *self.line.borrow();
        if !begun.latency.is_zero() {
            sleep(begun.latency).await;
        }
        self.check(begun.losses)?;
        let fails = |left: u64| left.checked_sub(1);
        if self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails)
            .is_ok()
        {
            return Err(unavailable().into());
        }
        let mut lost = self.line.subscribe();
        let lost = pin!(lost.wait_for(|line| line.losses != begun.losses));
        tokio::select! {
            biased;
            _ = lost => Err(unavailable().into()),
            answer = call => self.check(begun.losses).map_err(E::from).and(answer),
        }
    }

    fn check(&self, losses: u64) -> Result<(), StoreError> {
        let line = *self.line.borrow();
        if line.away || line.losses != losses {
            return Err(unavailable());
        }
        Ok(())
    }
}

fn unavailable() -> StoreError {
    StoreUnavailable::new(InjectedFault).into()
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LogStore> LogStore for FaultyStore<S> {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        self.faults
            .call(self.inner.read(job, span, order, limit))
            .await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.faults
            .call(self.inner.read_after(job, after, limit))
            .await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.faults.call(self.inner.bounds(job)).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(FaultyWatch::new(self.inner.watch(job), &self.faults))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.faults.call(self.inner.ping()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LogAppend> LogAppend for FaultyStore<S> {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        self.faults.call(self.inner.append(job, lines)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Jobs> Jobs for FaultyStore<S> {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.faults.call(self.inner.get(job)).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(FaultyWatch::new(self.inner.watch(job), &self.faults))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.faults.call(self.inner.ping()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: JobWrites> JobWrites for FaultyStore<S> {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        self.faults.call(self.inner.create(job, new)).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        self.faults.call(self.inner.transition(job, step)).await
    }
}

/// A watch that hears nothing while the connection is lost.
#[derive(Debug)]
struct FaultyWatch<W> {
    inner: W,
    hearing: Hearing,
}

/// What a watch knows of the connection.
#[derive(Debug)]
struct Hearing {
    faults: Arc<Faults>,
    line: watch::Receiver<Connection>,
    /// The notices to all that were there when the last successful read began.
    seen: u64,
    /// A read was begun and did not succeed: the wrapped watch may not be armed, so a notice is due at once.
    unread: bool,
}

impl<W> FaultyWatch<W> {
    fn new(inner: W, faults: &Arc<Faults>) -> Self {
        let line = faults.line.subscribe();
        let seen = line.borrow().notices;
        let hearing = Hearing {
            faults: Arc::clone(faults),
            line,
            seen,
            unread: false,
        };
        Self { inner, hearing }
    }
}

impl Hearing {
    /// Waits until the connection is there, and returns it, unless a notice is due.
    async fn silence(&mut self) -> Option<Connection> {
        let line = *self.line.wait_for(|line| !line.away).await.ok()?;
        let due = self.unread || line.notices != self.seen;
        (!due).then_some(line)
    }

    /// Waits for what comes between a watch and its notice: the connection moves (false), or time passes that is
    /// to bring a spurious notice (true). What the wrapped watch tells meanwhile is lost, as on a real connection.
    async fn disturbed(&mut self, line: Connection) -> bool {
        let seen = self.seen;
        let moves = |now: &Connection| now.losses != line.losses || now.notices != seen;
        let Some(period) = line.spurious else {
            self.line.wait_for(moves).await.ok();
            return false;
        };
        timeout(period, self.line.wait_for(moves)).await.is_err()
    }

    /// Begins a read.
    fn begin(&mut self) -> u64 {
        self.unread = true;
        self.line.borrow().notices
    }

    /// Ends a read that succeeded.
    fn saw(&mut self, notices: u64) {
        self.unread = false;
        self.seen = notices;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogWatch for FaultyWatch<Box<dyn LogWatch>> {
    async fn changed(&mut self) {
        while let Some(line) = self.hearing.silence().await {
            tokio::select! {
                biased;
                told = self.hearing.disturbed(line) => if told { return },
                () = self.inner.changed() => return,
            }
        }
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let begun = self.hearing.begin();
        let read = self.inner.read_after(after, limit);
        let onward = self.hearing.faults.call(read).await?;
        self.hearing.saw(begun);
        Ok(onward)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl JobWatch for FaultyWatch<Box<dyn JobWatch>> {
    async fn changed(&mut self) {
        while let Some(line) = self.hearing.silence().await {
            tokio::select! {
                biased;
                told = self.hearing.disturbed(line) => if told { return },
                () = self.inner.changed() => return,
            }
        }
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        let begun = self.hearing.begin();
        let job = self.hearing.faults.call(self.inner.get()).await?;
        self.hearing.saw(begun);
        Ok(job)
    }
}
