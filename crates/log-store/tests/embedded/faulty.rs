//! The fault-injecting wrapper keeps the contract with and without faults.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId, ReadLimit};
use log_store::conformance::{
    ConnectedSubject, Connection, JobSubject, JobWriteSubject, LogSubject, NumberedSubject,
    RevocationSubject, RunSubject, Subject, TicketSubject, fresh_job, new_job,
};
use log_store::{
    Faults, FaultyStore, InjectedFault, JobWrites, Jobs, LogAppend, LogStore, MemoryStore, NewLine,
    NumberedAppend, Revocations, RunClaims, Tickets,
};
use tokio::time::{Instant, timeout};

use crate::memory::Memory;

/// The wrapper over the store in memory. The back doors go to the store in memory.
struct Faulty {
    store: FaultyStore<MemoryStore>,
    behind: Memory,
}

struct Wire(FaultyStore<MemoryStore>);

#[async_trait]
impl Connection for Wire {
    async fn cut(&self) {
        self.0.faults().cut();
    }

    async fn mend(&self) {
        self.0.faults().mend();
    }

    async fn interrupt(&self) {
        self.0.faults().interrupt();
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(100)
    }
}

impl Subject for Faulty {
    fn watched(&self) -> usize {
        self.behind.watched()
    }
}

#[async_trait]
impl LogSubject for Faulty {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.store.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.store.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.behind.append_at(job, id, line).await;
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        self.behind.put_raw_line(job, id, fields).await;
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.behind.trim_to(job, keep).await;
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.behind.delete_line(job, id).await;
    }

    async fn delete_log(&self, job: &JobId) {
        self.behind.delete_log(job).await;
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        self.behind.age_log(job, by).await;
    }
}

impl NumberedSubject for Faulty {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl JobSubject for Faulty {
    fn jobs(&self) -> Arc<dyn Jobs> {
        Arc::new(self.store.clone())
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.store.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        self.behind.set_status_raw(job, status).await;
    }

    async fn remove_owner(&self, job: &JobId) {
        self.behind.remove_owner(job).await;
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        self.behind.set_org_raw(job, org).await;
    }

    async fn delete_job(&self, job: &JobId) {
        self.behind.delete_job(job).await;
    }
}

impl JobWriteSubject for Faulty {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.store.clone())
    }
}

impl RunSubject for Faulty {
    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.store.clone())
    }
}

impl TicketSubject for Faulty {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.store.clone())
    }
}

impl RevocationSubject for Faulty {
    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.store.clone())
    }
}

impl ConnectedSubject for Faulty {
    fn connection(&self) -> Arc<dyn Connection> {
        Arc::new(Wire(self.store.clone()))
    }
}

async fn subject() -> Faulty {
    let memory = MemoryStore::new();
    Faulty {
        store: FaultyStore::new(memory.clone()),
        behind: Memory(memory),
    }
}

mod calm {
    use super::subject;

    log_store::log_store_conformance!(subject());
    log_store::log_store_conformance!(outages: subject());
}

/// Every call waits, so that futures are dropped half-way, and watches get notices without a change.
mod slow_and_noisy {
    use std::time::Duration;

    async fn subject() -> super::Faulty {
        let subject = super::subject().await;
        subject.store.faults().set_latency(Duration::from_millis(1));
        subject
            .store
            .faults()
            .set_spurious_every(Some(Duration::from_millis(100)));
        subject
    }

    log_store::log_store_conformance!(subject());
    log_store::log_store_conformance!(outages: subject());
}

#[tokio::test(start_paused = true)]
async fn the_next_calls_fail_and_no_more() {
    let store = FaultyStore::new(MemoryStore::new());
    let job = fresh_job();
    store.faults().fail_next(2);
    let error = store.bounds(&job).await.unwrap_err();
    assert!(error.is_retryable());
    let source = std::error::Error::source(&error).and_then(|e| e.downcast_ref());
    assert_eq!(source, Some(&InjectedFault));
    assert!(store.append(&job, &[NewLine::default()]).await.is_err());
    assert!(store.append(&job, &[NewLine::default()]).await.is_ok());
    assert_eq!(store.bounds(&job).await.unwrap().length, 1);
    assert_eq!(store.faults().calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_latency() {
    let store = FaultyStore::new(MemoryStore::new());
    store.faults().set_latency(Duration::from_secs(3));
    let begun = Instant::now();
    store.bounds(&fresh_job()).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_watch_gets_no_notice_while_the_connection_is_cut_and_one_after_it() {
    const HOUR: Duration = Duration::from_secs(3600);
    let store = FaultyStore::new(MemoryStore::new());
    let job = fresh_job();
    let mut watch = store.watch_log(&job);
    watch.changed().await;
    watch
        .read_after(EntryId::ZERO, ReadLimit::lines(1))
        .await
        .unwrap();
    store.faults().cut();
    store
        .inner()
        .append(&job, &[NewLine::default()])
        .await
        .unwrap();
    assert!(timeout(HOUR, watch.changed()).await.is_err());
    store.faults().mend();
    watch.changed().await;
    let tail = watch
        .read_after(EntryId::ZERO, ReadLimit::lines(1))
        .await
        .unwrap();
    assert_eq!(tail.lines.len(), 1);
    assert!(timeout(HOUR, watch.changed()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn notices_without_a_change_come_when_they_are_switched_on() {
    const HOUR: Duration = Duration::from_secs(3600);
    let store = FaultyStore::new(MemoryStore::new());
    let mut watch = store.watch_log(&fresh_job());
    watch
        .read_after(EntryId::ZERO, ReadLimit::lines(1))
        .await
        .unwrap();
    assert!(timeout(HOUR, watch.changed()).await.is_err());
    let mend = |faults: &Faults| {
        faults.cut();
        faults.mend();
    };
    for notice in [Faults::notify_all, Faults::interrupt, mend] {
        notice(store.faults());
        timeout(HOUR, watch.changed()).await.unwrap();
        watch
            .read_after(EntryId::ZERO, ReadLimit::lines(1))
            .await
            .unwrap();
        assert!(timeout(HOUR, watch.changed()).await.is_err());
    }
    store.faults().set_spurious_every(Some(HOUR / 2));
    let begun = Instant::now();
    watch.changed().await;
    assert_eq!(begun.elapsed(), HOUR / 2);
}
