//! The stores with a fault, as subjects of the suite. Its back doors go to the store behind.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{
    JobSubject, JobWriteSubject, LogSubject, NumberedSubject, RevocationSubject, RunSubject,
    Subject, TicketSubject, new_job,
};
use log_store::{
    JobWrites, Jobs, LogAppend, LogStore, NewLine, NumberedAppend, Revocations, RunClaims, Tickets,
};

use super::Planted;

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
        Arc::new(self.clone())
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

impl NumberedSubject for Planted {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.clone())
    }
}

impl RunSubject for Planted {
    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.clone())
    }
}

impl TicketSubject for Planted {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.clone())
    }
}

impl RevocationSubject for Planted {
    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.clone())
    }
}
