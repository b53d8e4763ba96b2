//! The builds of this service. In a real one, this is a table of its database.

use std::collections::HashMap;

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, UserId};
use log_store::{JobWatch, Jobs, StoreError};
use tokio::sync::watch;

/// All builds. A change of any of them is a notice for every watch: notices may come too often.
#[derive(Debug, Clone)]
pub struct Builds(watch::Sender<HashMap<JobId, Job>>);

impl Builds {
    /// No builds.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }

    /// Begins a build of a user.
    pub fn begin(&self, id: JobId, owner: UserId) {
        let job = Job {
            status: JobStatus::STARTING,
            owner: Some(owner),
            org: None,
        };
        self.0.send_modify(|builds| drop(builds.insert(id, job)));
    }

    /// Changes the status of a build.
    pub fn set_status(&self, id: &JobId, status: JobStatus) {
        self.0.send_modify(|builds| {
            if let Some(job) = builds.get_mut(id) {
                job.status = status;
            }
        });
    }
}

impl Default for Builds {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Jobs for Builds {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(self.0.borrow().get(job).cloned())
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        let mut table = self.0.subscribe();
        // The first notice comes at once (W1).
        table.mark_changed();
        let job = job.clone();
        Box::new(BuildWatch { table, job })
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct BuildWatch {
    table: watch::Receiver<HashMap<JobId, Job>>,
    job: JobId,
}

#[async_trait]
impl JobWatch for BuildWatch {
    async fn changed(&mut self) {
        if self.table.changed().await.is_err() {
            // The table is gone, so nothing changes any more.
            std::future::pending::<()>().await;
        }
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        Ok(self.table.borrow_and_update().get(&self.job).cloned())
    }
}

/// The table, held to the rules of `log-store` for a store of jobs.
#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use log_domain::OrgId;
    use log_store::conformance::{JobSubject, Subject};

    use super::*;

    struct Table(Builds);

    impl Table {
        /// What happens to the table without this program.
        fn change(&self, id: &JobId, change: impl FnOnce(&mut Job)) {
            self.0
                .0
                .send_modify(|builds| change(builds.get_mut(id).unwrap()));
        }
    }

    impl Subject for Table {
        fn watched(&self) -> usize {
            self.0.0.receiver_count()
        }
    }

    #[async_trait]
    impl JobSubject for Table {
        fn jobs(&self) -> Arc<dyn Jobs> {
            Arc::new(self.0.clone())
        }

        async fn put_job(&self, job: &JobId, owner: &str) {
            self.0.begin(job.clone(), UserId::new(owner).unwrap());
            self.0.set_status(job, JobStatus::QUEUED);
        }

        async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
            let status = JobStatus::parse(status.unwrap_or_default());
            self.change(job, |job| job.status = status);
        }

        async fn remove_owner(&self, job: &JobId) {
            self.change(job, |job| job.owner = None);
        }

        async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
            self.change(job, |job| job.org = org.and_then(OrgId::new));
        }

        async fn delete_job(&self, job: &JobId) {
            self.0.0.send_modify(|builds| drop(builds.remove(job)));
        }
    }

    async fn table() -> Table {
        Table(Builds::new())
    }

    log_store::log_store_conformance!(Jobs: crate::builds::tests::table());
}
