//! Stores with a fault each: the suite finds it, names its rule, and does not take long.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, Job, JobId, JobStatus, LogBounds, Order, ReadLimit, Span};
use log_store::conformance::{
    Case, JobSubject, JobWriteSubject, LogSubject, Subject, TicketSubject, failures, new_job,
};
use log_store::{
    CreateJobError, JobWatch, JobWrites, Jobs, LogAppend, LogStore, LogWatch, MemoryStore, NewJob,
    NewLine, StoreError, TailRead, TicketKey, Tickets, Transition, TransitionError,
};
use tokio::time::Instant;

/// How soon the suite is to show a fault.
const SOON: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Watches of a log give one notice, and none of any change.
    NoNotices,
    /// A read also returns the line that it is to begin after.
    InclusiveReads,
    /// A job may become anything.
    AnyStep,
    /// A ticket can be taken again.
    EndlessTickets,
}

/// The store in memory with a fault.
#[derive(Clone)]
struct Planted {
    store: MemoryStore,
    fault: Fault,
}

async fn planted(fault: Fault) -> Planted {
    Planted {
        store: MemoryStore::new(),
        fault,
    }
}

#[async_trait]
impl LogStore for Planted {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let after = span.after.filter(|_| self.fault == Fault::InclusiveReads);
        let after = after.map(|id| EntryId::new(id.ms().saturating_sub(1), u64::MAX));
        let after = after.or(span.after);
        self.store
            .read(job, Span { after, ..span }, order, limit)
            .await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.store.read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.store.bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        let watch = self.store.watch_log(job);
        if self.fault == Fault::NoNotices {
            return Box::new(Deaf {
                watch,
                was_asked: false,
            });
        }
        watch
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Deaf {
    watch: Box<dyn LogWatch>,
    was_asked: bool,
}

#[async_trait]
impl LogWatch for Deaf {
    async fn changed(&mut self) {
        if std::mem::replace(&mut self.was_asked, true) {
            std::future::pending::<()>().await;
        }
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.watch.read_after(after, limit).await
    }
}

#[async_trait]
impl Jobs for Planted {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.store.get(job).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        self.store.watch_job(job)
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl JobWrites for Planted {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        self.store.create(job, new).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        if self.fault == Fault::AnyStep {
            let found = self.store.get(job).await?;
            let before = found.ok_or(TransitionError::NotFound)?.status;
            self.store.set_status_raw(job, Some(step.to.as_str()));
            return Ok(before);
        }
        self.store.transition(job, step).await
    }
}

#[async_trait]
impl Tickets for Planted {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        self.store.put(key, grant, life).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        let taken = self.store.take(key).await?;
        if let Some(grant) = taken
            .as_deref()
            .filter(|_| self.fault == Fault::EndlessTickets)
        {
            self.store.put(key, grant, SOON).await?;
        }
        Ok(taken)
    }
}

impl Subject for Planted {
    fn watched(&self) -> usize {
        self.store.watched()
    }
}

#[async_trait]
impl LogSubject for Planted {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.store.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.store.append_at(job, id, line);
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        self.store.put_raw_line(job, id, fields);
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.store.trim_to(job, keep);
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.store.delete_line(job, id);
    }

    async fn delete_log(&self, job: &JobId) {
        self.store.delete_log(job);
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        self.store.age_log(job, by);
    }
}

#[async_trait]
impl JobSubject for Planted {
    fn jobs(&self) -> Arc<dyn Jobs> {
        Arc::new(self.clone())
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.store.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        self.store.set_status_raw(job, status);
    }

    async fn remove_owner(&self, job: &JobId) {
        self.store.remove_owner(job);
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        self.store.set_org_raw(job, org);
    }

    async fn delete_job(&self, job: &JobId) {
        self.store.delete_job(job);
    }
}

impl JobWriteSubject for Planted {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.clone())
    }
}

impl TicketSubject for Planted {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.clone())
    }
}

/// Runs a part of the suite: a case of each of these rules fails, soon.
fn finds(cases: &[Case], rules: &[&str]) {
    let begun = Instant::now();
    let failed = failures(&[cases]);
    let took = begun.elapsed();
    for rule in rules {
        let names_it = |case: &&str| case.starts_with(&format!("{rule} "));
        assert!(
            failed.iter().any(names_it),
            "{rule} is not among {failed:?}"
        );
    }
    assert!(took < SOON, "{took:?}");
}

#[test]
fn a_store_without_notices_is_found_soon() {
    let cases = log_store::log_store_conformance!(@LogStore cases [planted(Fault::NoNotices)]);
    finds(cases, &["W2"]);
}

#[test]
fn a_read_that_is_not_exclusive_is_found() {
    let cases = log_store::log_store_conformance!(@LogStore cases [planted(Fault::InclusiveReads)]);
    finds(cases, &["R1"]);
}

#[test]
fn a_job_that_may_become_anything_is_found() {
    let cases = log_store::log_store_conformance!(@JobWrites cases [planted(Fault::AnyStep)]);
    finds(cases, &["T2", "T3"]);
}

#[test]
fn a_ticket_that_can_be_taken_again_is_found() {
    let cases = log_store::log_store_conformance!(@Tickets cases [planted(Fault::EndlessTickets)]);
    finds(cases, &["K1"]);
}
