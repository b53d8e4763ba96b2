//! The reference store in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{
    JobSubject, JobWriteSubject, LogSubject, NumberedSubject, RevocationSubject, RunSubject,
    Subject, TicketSubject, lifecycle, new_job,
};
use log_store::{
    JobWrites, Jobs, LogAppend, LogStore, MemoryStore, NewLine, NumberedAppend, Revocations,
    RunClaims, Tickets,
};

pub(crate) struct Memory(pub(crate) MemoryStore);

impl Subject for Memory {
    fn watched(&self) -> usize {
        self.0.watched()
    }
}

#[async_trait]
impl LogSubject for Memory {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.0.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.0.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.0.append_at(job, id, line);
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        self.0.put_raw_line(job, id, fields);
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.0.trim_to(job, keep);
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.0.delete_line(job, id);
    }

    async fn delete_log(&self, job: &JobId) {
        self.0.delete_log(job);
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        self.0.age_log(job, by);
    }
}

impl NumberedSubject for Memory {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.0.clone())
    }
}

#[async_trait]
impl JobSubject for Memory {
    fn jobs(&self) -> Arc<dyn Jobs> {
        Arc::new(self.0.clone())
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.0.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        self.0.set_status_raw(job, status);
    }

    async fn remove_owner(&self, job: &JobId) {
        self.0.remove_owner(job);
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        self.0.set_org_raw(job, org);
    }

    async fn delete_job(&self, job: &JobId) {
        self.0.delete_job(job);
    }
}

impl JobWriteSubject for Memory {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.0.clone())
    }
}

impl RunSubject for Memory {
    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.0.clone())
    }
}

impl TicketSubject for Memory {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.0.clone())
    }
}

impl RevocationSubject for Memory {
    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.0.clone())
    }
}

async fn subject() -> Memory {
    Memory(MemoryStore::new())
}

log_store::log_store_conformance!(subject());

#[tokio::test]
async fn the_memory_store_keeps_a_lifecycle_of_its_own() {
    let store = MemoryStore::with_lifecycle(lifecycle::example());
    lifecycle::a_store_keeps_a_lifecycle_of_its_own(&store).await;
}

#[tokio::test]
async fn in_10_000_random_histories_each_line_is_in_the_log_once() {
    let memory = Memory(MemoryStore::new());
    log_store::conformance::histories::histories(&memory, 0..10_000).await;
}
