//! The fault-injecting store: logs and jobs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, Job, JobId, JobStatus, Lifecycle, LogBounds, Numbering, Order, ProducerName,
    ProducerState, ReadLimit, Span,
};

use super::faults::Faults;
use super::watch::FaultyWatch;
use crate::append::{LogAppend, NewLine};
use crate::error::{CreateJobError, StoreError, TransitionError};
use crate::jobs::{JobDetails, JobWatch, JobWrites, Jobs, NewJob, Transition};
use crate::lines::{LogServer, LogStore, LogWatch, TailRead};
use crate::numbered::{NumberedAppend, NumberedAppendError, NumberedAppended};
use crate::runs::{Claim, ClaimError, RunClaims, RunId};

/// Wraps a store. Its calls fail or wait, and its notices are lost, when a test wants that. It keeps the contract with and
/// without faults.
///
/// Clones share the store and its [`Faults`]. It works on a paused clock if the wrapped store does.
///
/// ```
/// use log_store::{FaultyStore, LogStore, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = FaultyStore::new(MemoryStore::new());
/// store.faults().cut();
/// assert!(store.ping_logs().await.is_err());
/// store.faults().mend();
/// assert!(store.ping_logs().await.is_ok());
/// # }
/// ```
#[derive(Debug)]
pub struct FaultyStore<S> {
    pub(super) inner: Arc<S>,
    pub(super) faults: Arc<Faults>,
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
    /// Wraps a store. All faults are off.
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            faults: Arc::new(Faults::default()),
        }
    }

    /// The wrapped store. A test can change it while this one is cut.
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

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(FaultyWatch::new(self.inner.watch_log(job), &self.faults))
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.faults.call(self.inner.ping_logs()).await
    }

    fn server(&self, job: &JobId) -> LogServer {
        self.inner.server(job)
    }

    fn is_degraded(&self) -> bool {
        self.inner.is_degraded()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LogAppend> LogAppend for FaultyStore<S> {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        self.faults.call(self.inner.append(job, lines)).await
    }

    async fn confirm(&self, job: &JobId) -> Result<(), StoreError> {
        self.faults.call(self.inner.confirm(job)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: NumberedAppend> NumberedAppend for FaultyStore<S> {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        let appending = self.inner.append_numbered(job, batch, lines);
        self.faults.call(appending).await
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        self.faults.call(self.inner.producer(job, producer)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Jobs> Jobs for FaultyStore<S> {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.faults.call(self.inner.get(job)).await
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        self.faults.call(self.inner.details(job)).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(FaultyWatch::new(self.inner.watch_job(job), &self.faults))
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        self.faults.call(self.inner.ping_jobs()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: JobWrites> JobWrites for FaultyStore<S> {
    fn lifecycle(&self) -> &Lifecycle {
        self.inner.lifecycle()
    }

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

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: RunClaims> RunClaims for FaultyStore<S> {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        self.faults.call(self.inner.claim(job, run, lease)).await
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        self.faults.call(self.inner.release(job, run)).await
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        self.faults.call(self.inner.step(job, run, step)).await
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        self.faults.call(self.inner.claimant(job)).await
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        self.faults.call(self.inner.lapsed(limit)).await
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        self.faults.call(self.inner.end_lost(job, run, at)).await
    }
}
