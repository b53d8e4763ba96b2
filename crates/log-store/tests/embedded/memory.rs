//! The reference store in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{Subject, lifecycle};
use log_store::{
    JobWrites, LogAppend, LogStore, MemoryStore, NewLine, NumberedAppend, Revocations, RunClaims,
    Tickets,
};

pub(crate) struct Memory(pub(crate) MemoryStore);

#[async_trait]
impl Subject for Memory {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.0.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.0.clone())
    }

    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.0.clone())
    }

    fn jobs(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.0.clone())
    }

    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.0.clone())
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.0.clone())
    }

    fn revocations(&self) -> Arc<dyn Revocations> {
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

    fn watched(&self) -> usize {
        self.0.watched()
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
