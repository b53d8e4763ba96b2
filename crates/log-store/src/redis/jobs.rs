//! Jobs in Redis: the traits for reading jobs, creating them and changing their status.

use async_trait::async_trait;
use fred::types::Value;
use log_domain::{Job, JobId, JobStatus, Lifecycle, Timestamp};

use super::fault::Fault;
use super::node::Purpose;
use super::question::Command;
use super::session::Session;
use super::store::RedisStore;
use super::writes::{self, Owner};
use super::{decode, reads};
use crate::error::{CreateJobError, StoreError, TransitionError};
use crate::jobs::{JobDetails, JobWatch, JobWrites, Jobs, NewJob, Transition};

#[async_trait]
impl Jobs for RedisStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let key = self.core.options.keys.job(job);
        let read = async |session| reads::job(&session, &key, self.lifecycle()).await;
        Ok(self
            .core
            .servers
            .read(Purpose::Commands, &key, read)
            .await?)
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        let key = self.core.options.keys.job(job);
        let read = async |session| details(&session, &key, self.lifecycle()).await;
        let servers = &self.core.servers;
        Ok(servers.read(Purpose::Commands, &key, read).await?)
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(self.watch_key(self.core.options.keys.job(job)))
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl JobWrites for RedisStore {
    fn lifecycle(&self) -> &Lifecycle {
        &self.core.options.lifecycle
    }

    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let key = self.core.options.keys.job(job);
        let create = async |session| writes::create(&session, &key, new).await;
        if self.core.servers.write(&key, create).await? {
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
        self.take_step(job, Owner::Anybody, step).await
    }
}

/// Reads a job and its texts by one command.
async fn details(
    session: &Session,
    key: &str,
    lifecycle: &Lifecycle,
) -> Result<Option<JobDetails>, Fault> {
    let texts = ["created_at", "updated_at", "status_message"];
    let names = decode::JOB_FIELDS.into_iter().chain(texts);
    let command = Command::new("HMGET", std::iter::once(key).chain(names));
    let Value::Array(mut job) = session.ask_and_compare(key, command).await? else {
        return Err(Fault::garbled("HMGET gives no array"));
    };
    let texts = job.split_off(job.len().min(decode::JOB_FIELDS.len()));
    let Some(job) = decode::job(lifecycle, Value::Array(job))? else {
        // A hash with none of our fields, or no hash.
        let job = reads::job(session, key, lifecycle).await?;
        return Ok(job.map(JobDetails::from));
    };
    let mut texts = texts
        .into_iter()
        .map(|text| text.as_str_lossy().map(|text| text.into_owned()));
    let mut next = || texts.next().flatten();
    Ok(Some(JobDetails {
        job,
        created_at: next().map(Timestamp::from),
        updated_at: next().map(Timestamp::from),
        status_message: next(),
    }))
}
