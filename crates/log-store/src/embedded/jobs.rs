//! Jobs in the embedded store: the traits for reading jobs, creating them and changing their status.

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, Lifecycle};

use super::store::EmbeddedStore;
use crate::error::{CreateJobError, StoreError, TransitionError};
use crate::jobs::{JobDetails, JobWatch, JobWrites, Jobs, NewJob, Transition};
use crate::lines::LogStore;
use crate::noticed_watch::NoticedWatch;

#[async_trait]
impl Jobs for EmbeddedStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.job(job).await
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        Ok(self.record(job).await?.map(|record| JobDetails {
            job: record.job(self.lifecycle()),
            created_at: record.created_at,
            updated_at: record.updated_at,
            status_message: record.status_message,
        }))
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(NoticedWatch {
            store: self.clone(),
            notice: self.inner.jobs.subscribe(job),
        })
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        self.ping_logs().await
    }
}

#[async_trait]
impl JobWrites for EmbeddedStore {
    fn lifecycle(&self) -> &Lifecycle {
        &self.inner.options.lifecycle
    }

    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let (job, new) = (job.clone(), new.clone());
        let created = self.writer.write(move |tables| tables.create(&job, &new));
        if created.await? {
            Ok(())
        } else {
            Err(CreateJobError::Exists)
        }
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let (job, step) = (job.clone(), step.clone());
        let taken = self
            .writer
            .write(move |tables| tables.transition(&job, &step));
        Ok(taken.await??)
    }
}
