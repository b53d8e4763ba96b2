//! What many requests ask the store for at the same time, read once for all of them: a job, and a page of its log.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use log_domain::{Job, JobId, Page, PageRequest};
use log_store::{JobWatch, Jobs, LogStore, StoreError};
use log_wire::page_json;

use crate::single_flight::SingleFlight;

/// Reads of jobs that are under way.
pub(crate) type JobReads = SingleFlight<JobId, Option<Job>>;

/// Jobs, each read once for all requests that ask for it at the same time.
pub(crate) struct SharedJobs {
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) reads: JobReads,
}

#[async_trait]
impl Jobs for SharedJobs {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let read = || {
            let (jobs, job) = (Arc::clone(&self.jobs), job.clone());
            async move { jobs.get(&job).await }
        };
        self.reads.read(job.clone(), read).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn JobWatch> {
        self.jobs.watch(job)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.jobs.ping().await
    }
}

/// Pages as JSON, each read and encoded once for all requests that ask for it at the same time.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedPages {
    reads: SingleFlight<(JobId, PageRequest), Bytes>,
}

impl SharedPages {
    /// The page as JSON.
    pub(crate) async fn json(
        &self,
        store: &Arc<dyn LogStore>,
        job: &JobId,
        request: PageRequest,
    ) -> Result<Bytes, StoreError> {
        let read = || {
            let (store, job) = (Arc::clone(store), job.clone());
            async move {
                let (span, order, limit) = request.read();
                let batch = store.read(&job, span, order, limit).await?;
                Ok(page_json(&Page::new(&request, batch)).into())
            }
        };
        self.reads.read((job.clone(), request), read).await
    }
}
