//! Jobs: their owner, their status, and how a producer changes it.

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, UserId};

use crate::error::{CreateJobError, StoreError, TransitionError};

/// Reads jobs. A service with its own jobs implements this trait.
///
/// # Contract
///
/// * **J1** A job that does not exist MUST be `None`. If the store cannot be reached, the call MUST fail (R4 of
///   [`crate::LogStore`]).
/// * **J2** A record without an owner MUST read as a job without an owner, which nobody may read.
/// * **J3** An unknown status MUST read as [`JobStatus::Other`], and a missing one as `Other` with an empty text.
/// * **J4** The id of an organisation MUST be read with and without an owner. A missing or empty one MUST read as none.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Reads one job.
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError>;

    /// Begins to watch one job.
    fn watch(&self, job: &JobId) -> Box<dyn JobWatch>;

    /// Checks that the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Watches one job: W1 to W7 of [`crate::LogWatch`], with `get` instead of `read_after`. A change is any change of the job's
/// status, owner, organisation or existence.
#[async_trait]
pub trait JobWatch: Send + 'static {
    /// Waits until the job may have changed since the last [`JobWatch::get`].
    async fn changed(&mut self);

    /// Reads the job. After this read, the next change is a notice again.
    async fn get(&mut self) -> Result<Option<Job>, StoreError>;
}

/// A job to create. Its first status is `queued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Who may read it.
    pub owner: UserId,
    /// When it was created, ISO 8601.
    pub created_at: String,
}

/// One change of a job's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new status.
    pub to: JobStatus,
    /// A sentence for people.
    pub message: String,
    /// When, ISO 8601.
    pub at: String,
}

/// Creates jobs and changes their status: the producer's side.
///
/// # Contract
///
/// * **T1** `create` MUST NOT change a job that exists.
/// * **T2** `transition` MUST take one step that [`JobStatus::may_become`] allows, by compare-and-set: of two that
///   race from one status, one MUST win and the other MUST be checked against the new status.
/// * **T3** A step that is not allowed MUST NOT change the job.
/// * **T4** A step MUST notify every [`JobWatch`] of the job.
#[async_trait]
pub trait JobWrites: Jobs {
    /// Creates a job.
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError>;

    /// Takes one step, and returns the status the job had before.
    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError>;
}
