//! The store of this application, held to every rule of `log-store`.

use std::sync::Arc;
use std::time::Duration;

use actix_mount::Sharded;
use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{
    JobSubject, JobWriteSubject, LogSubject, NumberedSubject, RevocationSubject, RunSubject,
    Subject, TicketSubject, new_job,
};
use log_store::{
    JobWrites, Jobs, LogAppend, LogStore, MemoryStore, NewLine, NumberedAppend, Revocations,
    RunClaims, Tickets,
};

struct Store(Arc<Sharded>);

impl Subject for Store {
    fn watched(&self) -> usize {
        self.0.shards().map(MemoryStore::watched).sum()
    }
}

#[async_trait]
impl LogSubject for Store {
    fn store(&self) -> Arc<dyn LogStore> {
        self.0.clone()
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        self.0.clone()
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.0.shard(job).append_at(job, id, line);
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        self.0.shard(job).put_raw_line(job, id, fields);
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.0.shard(job).trim_to(job, keep);
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.0.shard(job).delete_line(job, id);
    }

    async fn delete_log(&self, job: &JobId) {
        self.0.shard(job).delete_log(job);
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        self.0.shard(job).age_log(job, by);
    }
}

impl NumberedSubject for Store {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        self.0.clone()
    }
}

#[async_trait]
impl JobSubject for Store {
    fn jobs(&self) -> Arc<dyn Jobs> {
        self.0.clone()
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.0.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        self.0.shard(job).set_status_raw(job, status);
    }

    async fn remove_owner(&self, job: &JobId) {
        self.0.shard(job).remove_owner(job);
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        self.0.shard(job).set_org_raw(job, org);
    }

    async fn delete_job(&self, job: &JobId) {
        self.0.shard(job).delete_job(job);
    }
}

impl JobWriteSubject for Store {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        self.0.clone()
    }
}

impl RunSubject for Store {
    fn runs(&self) -> Arc<dyn RunClaims> {
        self.0.clone()
    }
}

impl TicketSubject for Store {
    fn tickets(&self) -> Arc<dyn Tickets> {
        self.0.clone()
    }
}

impl RevocationSubject for Store {
    fn revocations(&self) -> Arc<dyn Revocations> {
        self.0.clone()
    }
}

async fn subject() -> Store {
    Store(Arc::new(Sharded::new(4)))
}

log_store::log_store_conformance!(crate::subject());

#[test]
fn jobs_are_spread_over_the_shards() {
    let store = Sharded::new(4);
    let jobs: Vec<JobId> = (0..100)
        .map(|n| format!("job-{n}").parse().unwrap())
        .collect();
    for job in &jobs {
        store
            .shard(job)
            .append_at(job, EntryId::new(1, 0), &NewLine::default());
    }
    for shard in store.shards() {
        let has = |job: &&JobId| std::ptr::eq(store.shard(job), shard);
        let count = jobs.iter().filter(has).count();
        assert!(count > 10, "{count} of 100");
    }
}
