//! Runs: one worker at a time owns a job, and a worker that was lost is noticed.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use log_domain::{JobId, JobStatus};
use thiserror::Error;

use crate::error::{StoreError, TransitionError};
use crate::jobs::{JobWrites, Transition};

/// The message of a job that ended because its worker was lost.
pub const WORKER_LOST: &str = "the worker was lost";

/// Names one run of a job. Two runs have different ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId(Box<str>);

impl RunId {
    /// The most bytes of an id.
    pub const MAX_BYTES: usize = 64;

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number, in hexadecimal. A random one is an id that no other run has.
impl From<u128> for RunId {
    fn from(number: u128) -> Self {
        Self(format!("{number:032x}").into())
    }
}

impl std::str::FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        let is_valid = (1..=Self::MAX_BYTES).contains(&text.len());
        if is_valid && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.into()));
        }
        Err(InvalidRunId)
    }
}

/// A text is no [`RunId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a run id has 1 to 64 visible ASCII characters")]
pub struct InvalidRunId;

/// Which run has a job, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Its lease.
    pub lease: Lease,
}

/// The state of a claim's lease, by the clock of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// The worker has renewed it lately.
    Held {
        /// It lapses after this time unless the worker renews it.
        left: Duration,
    },
    /// The worker did not renew it: it was lost, or it cannot reach the store.
    Lapsed {
        /// For how long.
        ago: Duration,
    },
}

impl Lease {
    /// A lease that ends `left_ms` from now. Below zero, it has lapsed.
    #[must_use]
    pub const fn ending_in(left_ms: i64) -> Self {
        let time = Duration::from_millis(left_ms.unsigned_abs());
        if left_ms > 0 {
            Self::Held { left: time }
        } else {
            Self::Lapsed { ago: time }
        }
    }

    /// For how long it has lapsed; `None` while it is held.
    #[must_use]
    pub const fn lapsed_ago(self) -> Option<Duration> {
        match self {
            Self::Held { .. } => None,
            Self::Lapsed { ago } => Some(ago),
        }
    }
}

/// A job could not be claimed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// There is no such job.
    #[error("the job does not exist")]
    NotFound,
    /// The job has ended with this status.
    #[error("the job has ended: it is {0}")]
    Ended(JobStatus),
    /// Another run has the job.
    #[error("another run has the job")]
    Held(Claim),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gives a job to one run at a time.
///
/// A run claims its job before it begins, renews the claim while it works, and takes its steps under the claim. A claim does
/// not bind producers that know nothing of claims: [`JobWrites::transition`] works as before.
///
/// # Contract
///
/// * **C1** `claim` MUST give a job to one run: of any number of runs in any processes, one MUST get it, and every other
///   MUST get [`ClaimError::Held`] until the claim is released.
/// * **C2** A run that claims its job again MUST get a new lease, which lapses `lease` after the store took the call. That
///   MUST also work after the lease has lapsed, and after the store has lost the claim, while no other run has the job.
/// * **C3** A job that does not exist, or has ended, MUST NOT be claimed.
/// * **C4** `step` MUST check in one step with the change that no other run has the job, beside T2 and T3 of [`JobWrites`].
///   A step that ends the job MUST release the claim.
/// * **C5** A claim whose lease has lapsed MUST NOT be released for that: `claimant` and `lapsed` MUST return it for a day at
///   least, unless its job is gone or has ended. `lapsed` MUST NOT return a claim whose lease is held.
/// * **C6** `end_lost` MUST end the job in one step with the check that this run still has it and that its lease has lapsed,
///   and MUST release the claim. Of any number of callers one MUST get `true`. Otherwise it MUST change nothing. T4 holds.
/// * **C7** `release` MUST release the claim of this run, and of no other.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError>;
/// async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError>;
/// async fn step(&self, job: &JobId, run: &RunId, step: &Transition) -> Result<JobStatus, TransitionError>;
/// async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError>;
/// async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError>;
/// async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError>;
/// ```
#[async_trait]
pub trait RunClaims: JobWrites {
    /// Claims a job for a run, or renews its claim.
    async fn claim(&self, job: &JobId, run: &RunId, lease: Duration) -> Result<(), ClaimError>;

    /// Gives the job up without ending it.
    async fn release(&self, job: &JobId, run: &RunId) -> Result<(), StoreError>;

    /// Takes one step as a run, and returns the status the job had before.
    async fn step(
        &self,
        job: &JobId,
        run: &RunId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError>;

    /// Which run has the job. `None` if no run has claimed it.
    async fn claimant(&self, job: &JobId) -> Result<Option<Claim>, StoreError>;

    /// Up to `limit` jobs whose claims have lapsed, with those claims. The store looks at claims that may have lapsed, and
    /// not at all jobs.
    async fn lapsed(&self, limit: usize) -> Result<Vec<(JobId, Claim)>, StoreError>;

    /// Ends the job of a run whose lease has lapsed: it becomes `failed` with the message [`WORKER_LOST`]. `at` is
    /// the time of that step. `false` if there is nothing to end any more.
    async fn end_lost(&self, job: &JobId, run: &RunId, at: SystemTime) -> Result<bool, StoreError>;
}

/// The next step on the way of a lost job to its end. `None` if it has ended.
#[cfg(any(feature = "redis", feature = "embedded", feature = "memory", test))]
pub(crate) fn next_lost_step(
    lifecycle: &log_domain::Lifecycle,
    from: &JobStatus,
    at: SystemTime,
) -> Option<Transition> {
    // There are steps to `failed` from every status but the terminal ones.
    let to = lifecycle.next_step(from, &JobStatus::FAILED).ok()?;
    Some(Transition::new(to, WORKER_LOST, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_a_short_visible_text() {
        for text in ["a", "0123456789abcdef", &"x".repeat(64)] {
            assert_eq!(text.parse::<RunId>().unwrap().as_str(), text);
        }
        let number = RunId::from(u128::MAX);
        assert_eq!(number.as_str().parse(), Ok(number));
        for text in ["", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert_eq!(text.parse::<RunId>(), Err(InvalidRunId), "{text:?}");
        }
    }

    #[test]
    fn a_lease_lapses_at_its_end() {
        let ms = Duration::from_millis;
        assert_eq!(Lease::ending_in(5), Lease::Held { left: ms(5) });
        assert_eq!(Lease::ending_in(0).lapsed_ago(), Some(ms(0)));
        assert_eq!(Lease::ending_in(-7).lapsed_ago(), Some(ms(7)));
    }

    #[test]
    fn a_lost_job_fails_by_allowed_steps() {
        let contract = log_domain::Lifecycle::contract();
        for status in ["queued", "scheduled", "starting", "checks", "paused"] {
            let mut status = JobStatus::parse(status);
            while let Some(step) = next_lost_step(contract, &status, SystemTime::UNIX_EPOCH) {
                assert!(contract.allows(&status, &step.to), "{status}");
                status = step.to;
            }
            assert_eq!(status, JobStatus::FAILED);
        }
        assert!(next_lost_step(contract, &JobStatus::READY, SystemTime::UNIX_EPOCH).is_none());
    }
}
