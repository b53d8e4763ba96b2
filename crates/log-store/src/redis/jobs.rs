//! Jobs in Redis: the traits for reading jobs, creating them and changing their status.

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus};

use super::reads;
use super::store::RedisStore;
use super::writes::{self, StepResult};
use crate::error::{CreateJobError, StoreError, TransitionError};
use crate::jobs::{JobWatch, JobWrites, Jobs, NewJob, Transition};

#[async_trait]
impl Jobs for RedisStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let key = self.core.options.keys.job(job);
        let read = async |session| reads::job(&session, &key).await;
        Ok(self.core.commands.read(read).await?)
    }

    fn watch(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(self.watch_key(self.core.options.keys.job(job)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl JobWrites for RedisStore {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let key = self.core.options.keys.job(job);
        let create = async |session| writes::create(&session, &key, new).await;
        if self.core.commands.write(create).await? {
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
        let current = Jobs::get(self, job).await?;
        let mut from = current.ok_or(TransitionError::NotFound)?.status;
        // A status changes so seldom that this loop ends after a few rounds.
        loop {
            from.check_step(&step.to)?;
            let keys = &self.core.options.keys;
            let take = async |session| writes::step(&session, keys, job, &from, step).await;
            match self.core.commands.write(take).await? {
                StepResult::Changed => return Ok(from),
                StepResult::NotFound => return Err(TransitionError::NotFound),
                StepResult::StatusDiffers(now) => from = now,
            }
        }
    }
}
