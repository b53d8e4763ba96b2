//! A store in an `Arc` is a store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, Job, JobId, JobStatus, Lifecycle, LogBounds, Numbering, Order, ProducerName,
    ProducerState, ReadLimit, Revocation, Span,
};

use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::append::{LogAppend, NewLine};
use crate::error::{CreateJobError, StoreError, TransitionError};
use crate::jobs::{JobDetails, JobWatch, JobWrites, Jobs, NewJob, Transition};
use crate::lines::{LogServer, LogStore, LogWatch, TailRead};
use crate::numbered::{NumberedAppend, NumberedAppendError, NumberedAppended};
use crate::runs::{Claim, ClaimError, RunClaims, RunId};

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LogStore + ?Sized> LogStore for Arc<S> {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        (**self).read(job, span, order, limit).await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        (**self).read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        (**self).bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        (**self).watch_log(job)
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        (**self).ping_logs().await
    }

    fn server(&self, job: &JobId) -> LogServer {
        (**self).server(job)
    }

    fn is_degraded(&self) -> bool {
        (**self).is_degraded()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: LogAppend + ?Sized> LogAppend for Arc<S> {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        (**self).append(job, lines).await
    }

    async fn confirm(&self, job: &JobId) -> Result<(), StoreError> {
        (**self).confirm(job).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: NumberedAppend + ?Sized> NumberedAppend for Arc<S> {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        (**self).append_numbered(job, batch, lines).await
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        (**self).producer(job, producer).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Jobs + ?Sized> Jobs for Arc<S> {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        (**self).get(job).await
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        (**self).details(job).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        (**self).watch_job(job)
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        (**self).ping_jobs().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: JobWrites + ?Sized> JobWrites for Arc<S> {
    fn lifecycle(&self) -> &Lifecycle {
        (**self).lifecycle()
    }

    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        (**self).create(job, new).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        (**self).transition(job, step).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: RunClaims + ?Sized> RunClaims for Arc<S> {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        (**self).claim(job, run, lease).await
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        (**self).release(job, run).await
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        (**self).step(job, run, step).await
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        (**self).claimant(job).await
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        (**self).lapsed(limit).await
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        (**self).end_lost(job, run, at).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Tickets + ?Sized> Tickets for Arc<S> {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        (**self).put(key, grant, life).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        (**self).take(key).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Revocations + ?Sized> Revocations for Arc<S> {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        (**self).revoke(message, revocations, keep).await
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        (**self).watch_revocations()
    }
}
