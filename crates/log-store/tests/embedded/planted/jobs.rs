//! Faults of jobs and of claims.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus};
use log_store::{
    Claim, ClaimError, CreateJobError, JobDetails, JobWatch, JobWrites, Jobs, NewJob, RunClaims,
    RunId, StoreError, Transition, TransitionError,
};

use tokio::time::sleep;

use super::{Fault, Planted};

#[async_trait]
impl Jobs for Planted {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.store.get(job).await
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        self.store.details(job).await
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        let behind = self.store.watch_job(job);
        if !self.has(Fault::NoJobNotices) && !self.has(Fault::RestartedPauses) {
            return behind;
        }
        Box::new(Watch {
            behind,
            fault: self.fault,
            was_asked: false,
        })
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Watch {
    behind: Box<dyn JobWatch>,
    fault: Fault,
    was_asked: bool,
}

#[async_trait]
impl JobWatch for Watch {
    async fn changed(&mut self) {
        let was_asked = std::mem::replace(&mut self.was_asked, true);
        if was_asked && self.fault == Fault::NoJobNotices {
            std::future::pending::<()>().await;
        }
        if was_asked {
            // Longer than a watch is watched for rest.
            sleep(Duration::from_millis(65)).await;
        }
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        self.behind.get().await
    }
}

#[async_trait]
impl JobWrites for Planted {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        if self.has(Fault::CreatedAnew) {
            self.store.delete_job(job);
        }
        self.store.create(job, new).await
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        if self.has(Fault::AnyStep) {
            let found = self.store.get(job).await?;
            let before = found.ok_or(TransitionError::NotFound)?.status;
            self.store.set_status_raw(job, Some(step.to.as_str()));
            return Ok(before);
        }
        self.store.transition(job, step).await
    }
}

#[async_trait]
impl RunClaims for Planted {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        if let Some(holder) = self.store.claimant(job).await?
            && self.has(Fault::StolenClaims)
        {
            self.store.release(job, &holder.run).await?;
        }
        self.store.claim(job, run, lease).await
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        self.store.release(job, run).await
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        self.store.step(job, run, step).await
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        self.store.claimant(job).await
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        if self.has(Fault::HiddenLapses) {
            return Ok(Vec::new());
        }
        self.store.lapsed(limit).await
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        self.store.end_lost(job, run, at).await
    }
}
