//! A store of one's own: several stores, each with a part of the jobs.
//!
//! Everything about one job is in one shard, because the rules are about one log and one job at a time. Tickets and revocations
//! belong to no job: they are in the first shard.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, Job, JobId, JobStatus, LogBounds, Numbering, Order, ProducerName,
    ProducerState, ReadLimit, Revocation, Span,
};
use log_store::{
    Claim, ClaimError, CreateJobError, JobDetails, JobWatch, JobWrites, Jobs, LogAppend, LogServer,
    LogStore, LogWatch, MemoryStore, NewJob, NewLine, NumberedAppend, NumberedAppendError,
    NumberedAppended, RevocationWatch, Revocations, RunClaims, RunId, StoreError, TailRead,
    TicketKey, Tickets, Transition, TransitionError,
};

/// Several stores as one. A real one has a store on another server in each place.
#[derive(Debug, Clone)]
pub struct Sharded {
    first: MemoryStore,
    others: Vec<MemoryStore>,
}

impl Sharded {
    /// A store of this many shards, at least one.
    #[must_use]
    pub fn new(shards: usize) -> Self {
        Self {
            first: MemoryStore::new(),
            others: (1..shards).map(|_| MemoryStore::new()).collect(),
        }
    }

    /// The shard that has a job. Always the same one, as long as their number stays.
    #[must_use]
    pub fn shard(&self, job: &JobId) -> &MemoryStore {
        let mut hash = DefaultHasher::new();
        job.as_str().hash(&mut hash);
        let place = usize::try_from(hash.finish() % self.len() as u64).unwrap_or_default();
        place
            .checked_sub(1)
            .map_or(&self.first, |other| &self.others[other])
    }

    /// All shards.
    pub fn shards(&self) -> impl Iterator<Item = &MemoryStore> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn len(&self) -> usize {
        self.others.len() + 1
    }
}

#[async_trait]
impl LogStore for Sharded {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        self.shard(job).read(job, span, order, limit).await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.shard(job).read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.shard(job).bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        self.shard(job).watch_log(job)
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        for shard in self.shards() {
            shard.ping_logs().await?;
        }
        Ok(())
    }

    fn server(&self, job: &JobId) -> LogServer {
        self.shard(job).server(job)
    }
}

#[async_trait]
impl LogAppend for Sharded {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        self.shard(job).append(job, lines).await
    }
}

#[async_trait]
impl NumberedAppend for Sharded {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        self.shard(job).append_numbered(job, batch, lines).await
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        self.shard(job).producer(job, producer).await
    }
}

#[async_trait]
impl Jobs for Sharded {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.shard(job).get(job).await
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        self.shard(job).details(job).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        self.shard(job).watch_job(job)
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        self.ping_logs().await
    }
}

#[async_trait]
impl JobWrites for Sharded {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        self.shard(job).create(job, new).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        self.shard(job).transition(job, step).await
    }
}

#[async_trait]
impl RunClaims for Sharded {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        self.shard(job).claim(job, run, lease).await
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        self.shard(job).release(job, run).await
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        self.shard(job).step(job, run, step).await
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        self.shard(job).claimant(job).await
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        let mut lapsed = Vec::new();
        for shard in self.shards() {
            lapsed.extend(shard.lapsed(limit.saturating_sub(lapsed.len())).await?);
            if lapsed.len() >= limit {
                break;
            }
        }
        Ok(lapsed)
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        self.shard(job).end_lost(job, run, at).await
    }
}

#[async_trait]
impl Tickets for Sharded {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        self.first.put(key, grant, life).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        self.first.take(key).await
    }
}

#[async_trait]
impl Revocations for Sharded {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        self.first.revoke(message, revocations, keep).await
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        self.first.watch_revocations()
    }
}
