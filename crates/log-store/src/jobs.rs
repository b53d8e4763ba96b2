//! Jobs: who owns one, where it is in its life, and how a producer moves it on.

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, UserId};

use crate::error::{CreateJobError, StoreError, TransitionError};

/// Reads jobs. A service that keeps its jobs elsewhere brings its own.
///
/// # Contract
///
/// * **J1** A job that does not exist MUST be `None`; a store that cannot be reached MUST be an error (R4 of
///   [`crate::LogStore`]).
/// * **J2** A record without an owner MUST read as a job without one, which nobody may read.
/// * **J3** An unknown status MUST read as [`JobStatus::Other`]; a missing one too, as an empty text.
/// * **J4** An organisation's id MUST read as the job's, whether there is an owner or not; a missing or an empty one as
///   none.
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Reads one job.
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError>;

    /// Begins to watch one job.
    fn watch(&self, job: &JobId) -> Box<dyn JobWatch>;

    /// Asks the store for a sign of life.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Watches one job, level-triggered: W1 to W7 of [`crate::LogWatch`] with `get` for `read_after`, and any change of
/// the job's status, its owner, its organisation or its existence for a change.
#[async_trait]
pub trait JobWatch: Send + 'static {
    /// Waits until the job may have changed since the last [`JobWatch::get`].
    async fn changed(&mut self);

    /// Reads the job, and arms the watch for its next change.
    async fn get(&mut self) -> Result<Option<Job>, StoreError>;
}

/// A job to create; it begins `queued`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Who may read it.
    pub owner: UserId,
    /// When it was created, ISO 8601.
    pub created_at: String,
}

/// One step of a job's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Where the job goes.
    pub to: JobStatus,
    /// A sentence for people.
    pub message: String,
    /// When, ISO 8601.
    pub at: String,
}

/// Creates jobs and moves them on: the producer's side.
///
/// # Contract
///
/// * **T1** `create` MUST NOT touch a job that exists.
/// * **T2** `transition` MUST take one step that [`JobStatus::may_become`] allows, by compare-and-set: of two that
///   race from one status, one MUST win and the other MUST be judged against the new status.
/// * **T3** A step that is not allowed MUST leave the job as it is.
/// * **T4** A step MUST wake every [`JobWatch`] of the job.
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
