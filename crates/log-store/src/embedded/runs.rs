//! Claims in the embedded store.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{JobId, JobStatus};
use redb::ReadableTable;

use super::error::damaged;
use super::retention::parse_job;
use super::store::EmbeddedStore;
use super::tables::{StepRefused, Tables, millis};
use crate::error::{StoreError, TransitionError};
use crate::jobs::Transition;
use crate::runs::{Claim, ClaimError, Lease, RunClaims, RunId, next_lost_step};

#[async_trait]
impl RunClaims for EmbeddedStore {
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError> {
        let (job, run) = (job.clone(), run.clone());
        let claimed = self
            .writer
            .write(move |tables| tables.claim(&job, &run, lease));
        claimed.await.map_err(StoreError::from)?
    }

    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError> {
        let (job, run) = (job.clone(), run.clone());
        let released = self.writer.write(move |tables| {
            if tables.claimant(&job)?.is_some_and(|claim| claim.run == run) {
                tables.remove_claim(&job)?;
            }
            Ok(())
        });
        Ok(released.await?)
    }

    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let (job, run, step) = (job.clone(), run.clone(), step.clone());
        let taken = self.writer.write(move |tables| {
            if tables.claimant(&job)?.is_some_and(|claim| claim.run != run) {
                return Ok(Err(TransitionError::Claimed));
            }
            let taken = tables.transition(&job, &step)?;
            let to = tables.options.lifecycle.status(step.to.as_str());
            if taken.is_ok() && to.is_terminal() {
                tables.remove_claim(&job)?;
            }
            Ok(taken.map_err(StepRefused::into))
        });
        taken.await.map_err(StoreError::from)?
    }

    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError> {
        let job = job.clone();
        let found = self.writer.write(move |tables| tables.claimant(&job));
        Ok(found.await?)
    }

    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError> {
        let found = self.writer.write(move |tables| tables.lapsed(limit));
        Ok(found.await?)
    }

    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError> {
        let (job, run) = (job.clone(), run.clone());
        let ended = self
            .writer
            .write(move |tables| tables.end_lost(&job, &run, at));
        Ok(ended.await?)
    }
}

impl Tables<'_> {
    fn claim(
        &mut self,
        job: &JobId,
        run: &RunId,
        lease: Duration,
    ) -> Result<Result<(), ClaimError>, redb::Error> {
        let Some(record) = self.job(job)? else {
            return Ok(Err(ClaimError::NotFound));
        };
        let status = record.status(&self.options.lifecycle);
        if status.is_terminal() {
            return Ok(Err(ClaimError::Ended(status)));
        }
        match self.claimant(job)? {
            Some(claim) if claim.run != *run => return Ok(Err(ClaimError::Held(claim))),
            _ => {}
        }
        let until = self.now.saturating_add(millis(lease));
        self.runs.insert(job.as_str(), (until, run.as_str()))?;
        self.dirty = true;
        Ok(Ok(()))
    }

    fn claimant(&self, job: &JobId) -> Result<Option<Claim>, redb::Error> {
        let Some(found) = self.runs.get(job.as_str())? else {
            return Ok(None);
        };
        let (until, run) = found.value();
        Ok(Some(self.claim_from_disk(until, run)?))
    }

    fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, redb::Error> {
        let mut lapsed = Vec::new();
        for entry in self.runs.iter()? {
            let (job, found) = entry?;
            let (until, run) = found.value();
            if until <= self.now && lapsed.len() < limit {
                lapsed.push((parse_job(job.value())?, self.claim_from_disk(until, run)?));
            }
        }
        Ok(lapsed)
    }

    fn end_lost(&mut self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, redb::Error> {
        let is_lost = |claim: Claim| claim.run == *run && claim.lease.lapsed_ago().is_some();
        if !self.claimant(job)?.is_some_and(is_lost) {
            return Ok(false);
        }
        self.remove_claim(job)?;
        let lifecycle = &self.options.lifecycle;
        let mut ended = false;
        while let Some(record) = self.job(job)?
            && let Some(step) = next_lost_step(lifecycle, &record.status(lifecycle), at)
            && self.transition(job, &step)?.is_ok()
        {
            ended = true;
        }
        Ok(ended)
    }

    pub(super) fn remove_claim(&mut self, job: &JobId) -> Result<(), redb::Error> {
        if self.runs.remove(job.as_str())?.is_some() {
            self.dirty = true;
        }
        Ok(())
    }

    fn claim_from_disk(&self, until: u64, run: &str) -> Result<Claim, redb::Error> {
        let left = i64::try_from(i128::from(until) - i128::from(self.now));
        Ok(Claim {
            run: run.parse().map_err(|_| damaged("a claim"))?,
            lease: Lease::ending_in(left.unwrap_or(i64::MAX)),
        })
    }
}
