//! Claims in the store in memory. The lock of the data makes each call one step.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{JobId, JobStatus};
use tokio::time::Instant;

use super::MemoryStore;
use super::data::Data;
use crate::runs::next_lost_step;
use crate::{Claim, ClaimError, Lease, RunClaims, RunId, StoreError, Transition, TransitionError};

#[async_trait]
impl RunClaims for MemoryStore {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        let mut data = self.data.lock();
        let record = data.records.get(job).ok_or(ClaimError::NotFound)?;
        let status = record.status(&self.lifecycle);
        if status.is_terminal() {
            return Err(ClaimError::Ended(status));
        }
        match data.claim(job) {
            Some(claim) if claim.run != *run => return Err(ClaimError::Held(claim)),
            _ => {}
        }
        let until = Instant::now() + lease;
        data.claims.insert(job.clone(), (run.clone(), until));
        Ok(())
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        let mut data = self.data.lock();
        if data
            .claims
            .get(job)
            .is_some_and(|(holder, _)| holder == run)
        {
            data.claims.remove(job);
        }
        Ok(())
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let mut data = self.data.lock();
        if data
            .claims
            .get(job)
            .is_some_and(|(holder, _)| holder != run)
        {
            return Err(TransitionError::Claimed);
        }
        let before = data.transition(&self.lifecycle, job, step)?;
        if self.lifecycle.status(step.to.as_str()).is_terminal() {
            data.claims.remove(job);
        }
        drop(data);
        self.jobs.notify(job);
        Ok(before)
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        Ok(self.data.lock().claim(job))
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        let data = self.data.lock();
        let lapsed = data.claims.keys().filter_map(|job| {
            let claim = data.claim(job)?;
            claim.lease.lapsed_ago()?;
            Some((job.clone(), claim))
        });
        Ok(lapsed.take(limit).collect())
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        let mut data = self.data.lock();
        let is_lost = |claim: Claim| claim.run == *run && claim.lease.lapsed_ago().is_some();
        if !data.claim(job).is_some_and(is_lost) {
            return Ok(false);
        }
        data.claims.remove(job);
        let lifecycle = &self.lifecycle;
        let mut ended = false;
        while let Some(record) = data.records.get(job)
            && let Some(step) = next_lost_step(lifecycle, &record.status(lifecycle), at)
            && data.transition(lifecycle, job, &step).is_ok()
        {
            ended = true;
        }
        drop(data);
        self.jobs.notify(job);
        Ok(ended)
    }
}

impl Data {
    /// Which run has a job.
    fn claim(&self, job: &JobId) -> Option<Claim> {
        let (run, until) = self.claims.get(job)?;
        let now = Instant::now();
        let lease = match until.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Lease::Held { left },
            _ => Lease::Lapsed { ago: now - *until },
        };
        Some(Claim {
            run: run.clone(),
            lease,
        })
    }
}
