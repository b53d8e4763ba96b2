//! Notices that the worker of a job was lost, and ends the job.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::JobId;
use tokio::time::Instant;

use crate::error::StoreError;
use crate::runs::{Claim, RunClaims, RunId};

/// How many lapsed claims one look takes, the oldest first. The others are taken by the next ones.
const AT_ONCE: usize = 100;

/// Ends the jobs of lost workers: of runs that claimed their job, and did not renew the claim until its lease had lapsed.
///
/// A store that was away lapses leases too, of workers that live. They renew their claims at once when it is back. So a
/// claim counts as lost only if it was lapsed all the time between two looks that are `confirm` apart, and no look between
/// them failed.
///
/// Any number of processes may look at the same jobs. One of them ends each job.
pub struct LostRuns {
    claims: Arc<dyn RunClaims>,
    /// The time between the two looks.
    confirm: Duration,
    /// The lapsed claims of the last look.
    seen: HashMap<JobId, Seen>,
}

/// A lapsed claim, and since when it was seen lapsed.
struct Seen {
    run: RunId,
    since: Instant,
}

/// What a look at one job has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// No run has claimed the job, or its worker has renewed the claim lately.
    Fine,
    /// The lease has lapsed. A look after `confirm` decides.
    Lapsed,
    /// The worker was lost, and the job has ended.
    Lost,
}

impl LostRuns {
    /// For the jobs of a store. `confirm` is the time between the two looks that end a job.
    #[must_use]
    pub fn new(claims: Arc<dyn RunClaims>, confirm: Duration) -> Self {
        Self {
            claims,
            confirm,
            seen: HashMap::new(),
        }
    }

    /// Looks at all jobs whose claims have lapsed, and ends those whose workers were lost. Returns them.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub async fn look(&mut self) -> Result<Vec<JobId>, StoreError> {
        let looked = self.try_look().await;
        if looked.is_err() {
            self.seen.clear();
        }
        looked
    }

    async fn try_look(&mut self) -> Result<Vec<JobId>, StoreError> {
        let lapsed = self.claims.lapsed(AT_ONCE).await?;
        self.seen
            .retain(|job, _| lapsed.iter().any(|(found, _)| found == job));
        let mut ended = Vec::new();
        for (job, claim) in lapsed {
            if self.is_lost(&job, &claim) {
                self.seen.remove(&job);
                let now = SystemTime::now();
                if self.claims.end_lost(&job, &claim.run, now).await? {
                    ended.push(job);
                }
            }
        }
        Ok(ended)
    }

    /// Looks at one job.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub async fn look_at(&mut self, job: &JobId) -> Result<RunState, StoreError> {
        let looked = self.try_look_at(job).await;
        if looked.is_err() {
            self.seen.remove(job);
        }
        looked
    }

    async fn try_look_at(&mut self, job: &JobId) -> Result<RunState, StoreError> {
        let Some(claim) = self.claims.claimant(job).await? else {
            self.seen.remove(job);
            return Ok(RunState::Fine);
        };
        if !self.is_lost(job, &claim) {
            let is_lapsed = claim.lease.lapsed_ago().is_some();
            return Ok(if is_lapsed {
                RunState::Lapsed
            } else {
                RunState::Fine
            });
        }
        self.seen.remove(job);
        let now = SystemTime::now();
        let ended = self.claims.end_lost(job, &claim.run, now).await?;
        Ok(if ended {
            RunState::Lost
        } else {
            RunState::Fine
        })
    }

    /// Whether a claim has been lapsed since a look that is long enough ago.
    fn is_lost(&mut self, job: &JobId, claim: &Claim) -> bool {
        let Some(ago) = claim.lease.lapsed_ago() else {
            self.seen.remove(job);
            return false;
        };
        let now = Instant::now();
        let before = self.seen.get(job).filter(|seen| seen.run == claim.run);
        // A claim that was renewed since lapsed later than that.
        match before.map(|seen| now - seen.since) {
            Some(time) if ago >= time => time >= self.confirm,
            _ => {
                let run = claim.run.clone();
                self.seen.insert(job.clone(), Seen { run, since: now });
                false
            }
        }
    }
}

impl fmt::Debug for LostRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LostRuns")
            .field("confirm", &self.confirm)
            .field("seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use log_domain::{JobStatus, UserId};
    use tokio::time::sleep;

    use super::*;
    use crate::{FaultyStore, JobWrites, Jobs, MemoryStore, NewJob};

    const CONFIRM: Duration = Duration::from_secs(10);
    const LEASE: Duration = Duration::from_secs(60);

    struct Setup {
        store: FaultyStore<MemoryStore>,
        job: JobId,
        run: RunId,
        lost: LostRuns,
    }

    /// A job that a run has claimed, on a paused clock.
    async fn setup() -> Setup {
        let store = FaultyStore::new(MemoryStore::new());
        let job: JobId = "job-1".parse().unwrap();
        let new = NewJob::new(UserId::new("ann").unwrap(), SystemTime::now());
        store.create(&job, &new).await.unwrap();
        let run = RunId::from(1);
        store.claim(&job, &run, LEASE).await.unwrap();
        let lost = LostRuns::new(Arc::new(store.clone()), CONFIRM);
        Setup {
            store,
            job,
            run,
            lost,
        }
    }

    impl Setup {
        async fn status(&self) -> JobStatus {
            self.store
                .inner()
                .get(&self.job)
                .await
                .unwrap()
                .unwrap()
                .status
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_whose_claim_stays_lapsed_ends_at_the_second_look() {
        let mut setup = setup().await;
        assert_eq!(setup.lost.look().await.unwrap(), []);
        sleep(LEASE).await;
        assert_eq!(setup.lost.look().await.unwrap(), []);
        sleep(CONFIRM / 2).await;
        assert_eq!(setup.lost.look().await.unwrap(), []);
        sleep(CONFIRM / 2).await;
        assert_eq!(setup.lost.look().await.unwrap(), [setup.job.clone()]);
        assert_eq!(setup.status().await, JobStatus::FAILED);
        assert_eq!(setup.lost.look().await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn one_job_is_looked_at_in_the_same_way() {
        let mut setup = setup().await;
        let job = setup.job.clone();
        assert_eq!(setup.lost.look_at(&job).await.unwrap(), RunState::Fine);
        sleep(LEASE).await;
        assert_eq!(setup.lost.look_at(&job).await.unwrap(), RunState::Lapsed);
        sleep(CONFIRM).await;
        assert_eq!(setup.lost.look_at(&job).await.unwrap(), RunState::Lost);
        assert_eq!(setup.status().await, JobStatus::FAILED);
        assert_eq!(setup.lost.look_at(&job).await.unwrap(), RunState::Fine);
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_that_was_renewed_between_two_looks_is_not_lost() {
        let mut setup = setup().await;
        sleep(LEASE).await;
        setup.lost.look().await.unwrap();
        let short = Duration::from_secs(1);
        setup
            .store
            .claim(&setup.job, &setup.run, short)
            .await
            .unwrap();
        sleep(CONFIRM).await;
        // Lapsed again, but not all the time.
        assert_eq!(setup.lost.look().await.unwrap(), []);
        sleep(CONFIRM).await;
        assert_eq!(setup.lost.look().await.unwrap(), [setup.job.clone()]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_a_worker_has_time_to_renew_its_claim() {
        let mut setup = setup().await;
        sleep(LEASE).await;
        setup.lost.look().await.unwrap();
        setup.store.faults().cut();
        sleep(Duration::from_secs(600)).await;
        setup.lost.look().await.unwrap_err();
        setup.store.faults().mend();
        assert_eq!(setup.lost.look().await.unwrap(), []);
        setup
            .store
            .claim(&setup.job, &setup.run, LEASE)
            .await
            .unwrap();
        sleep(CONFIRM).await;
        assert_eq!(setup.lost.look().await.unwrap(), []);
        assert_eq!(setup.status().await, JobStatus::QUEUED);
    }
}
