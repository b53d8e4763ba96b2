//! Jobs: their owner, their status, and how a producer changes it.

use std::time::SystemTime;

use async_trait::async_trait;
use log_domain::{Job, JobId, JobStatus, Lifecycle, OrgId, Timestamp, UserId};

use crate::error::{CreateJobError, StoreError, TransitionError};

/// Reads jobs. A service with its own jobs implements this trait.
///
/// A table that tells nobody of its changes is asked again and again:
///
/// ```
/// use std::time::Duration;
///
/// use async_trait::async_trait;
/// use log_domain::{Job, JobId};
/// use log_store::{JobWatch, Jobs, StoreError};
/// use tokio::time::{Instant, sleep_until};
///
/// #[derive(Clone)]
/// struct Builds; // a pool of connections to your database
///
/// #[async_trait]
/// impl Jobs for Builds {
///     async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
///         // SELECT status, user_id FROM builds WHERE id = job. A failure: StoreUnavailable::new(error).
///         # let _ = job;
///         Ok(None)
///     }
///
///     fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
///         let (builds, job) = (self.clone(), job.clone());
///         // The first notice comes at once (W1).
///         Box::new(Asked { builds, job, next: Instant::now() })
///     }
///
///     async fn ping_jobs(&self) -> Result<(), StoreError> {
///         Ok(()) // SELECT 1
///     }
/// }
///
/// struct Asked { builds: Builds, job: JobId, next: Instant }
///
/// #[async_trait]
/// impl JobWatch for Asked {
///     async fn changed(&mut self) {
///         // Until a moment, and not for a time: whoever waits drops this future often, and calls again (W5).
///         sleep_until(self.next).await;
///     }
///
///     async fn get(&mut self) -> Result<Option<Job>, StoreError> {
///         self.next = Instant::now() + Duration::from_secs(1);
///         self.builds.get(&self.job).await
///     }
/// }
/// ```
///
/// Nobody polls a job that nobody watches, and there is one watch for all viewers of a job (`log-hub`).
/// [`log_store_conformance!`](crate::log_store_conformance)`(Jobs: …)` holds your implementation to the rules.
///
/// # Contract
///
/// * **J1** A job that does not exist MUST be `None`. If the store cannot be reached, the call MUST fail (R4 of
///   [`crate::LogStore`]).
/// * **J2** A record without an owner MUST read as a job without an owner, which nobody may read.
/// * **J3** A status that the store's lifecycle does not know MUST read as one that is not terminal, with its text, and a missing
///   one as an empty text ([`Lifecycle::status`]).
/// * **J4** The id of an organisation MUST be read with and without an owner. A missing or empty one MUST read as none.
/// * **J5** The details of a job MUST be of one instant, and what a record does not say MUST be none.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError>;
/// async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError>;
/// fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch>;
/// async fn ping_jobs(&self) -> Result<(), StoreError>;
/// ```
#[async_trait]
pub trait Jobs: Send + Sync + 'static {
    /// Reads one job.
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError>;

    /// Reads one job with what its record says for people. The default knows no more than [`Jobs::get`].
    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        Ok(self.get(job).await?.map(JobDetails::from))
    }

    /// Begins to watch one job.
    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch>;

    /// Checks that the store answers.
    async fn ping_jobs(&self) -> Result<(), StoreError>;
}

/// Watches one job: W1 to W7 of [`crate::LogWatch`], with `get` instead of `read_after`. A change is any change of the job's
/// status, owner, organisation or existence.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn changed(&mut self);
/// async fn get(&mut self) -> Result<Option<Job>, StoreError>;
/// ```
#[async_trait]
pub trait JobWatch: Send + 'static {
    /// Waits until the job may have changed since the last [`JobWatch::get`].
    async fn changed(&mut self);

    /// Reads the job. After this read, the next change is a notice again.
    async fn get(&mut self) -> Result<Option<Job>, StoreError>;
}

/// A job, and what its record says for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetails {
    /// The job.
    pub job: Job,
    /// When it was created, as the producer wrote it.
    pub created_at: Option<Timestamp>,
    /// When its status changed last, as the producer wrote it.
    pub updated_at: Option<Timestamp>,
    /// What the last change of its status said.
    pub status_message: Option<String>,
}

impl From<Job> for JobDetails {
    fn from(job: Job) -> Self {
        Self {
            job,
            created_at: None,
            updated_at: None,
            status_message: None,
        }
    }
}

/// A job to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Who may read it.
    pub owner: UserId,
    /// When it was created. A store writes it as [`log_domain::Timestamp`] has it.
    pub created_at: SystemTime,
    /// Whose members may read it, where the rule of the service allows that.
    pub org: Option<OrgId>,
    /// Its first status.
    pub status: JobStatus,
    /// Fields of its record that are not ours. The names are not those that a store uses itself.
    pub fields: Vec<(String, String)>,
}

impl NewJob {
    /// A job without an organisation and further fields, with the status `queued`.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use log_domain::{JobStatus, UserId};
    /// use log_store::NewJob;
    ///
    /// let owner = UserId::new("user_ann").ok_or("a user")?;
    /// let job = NewJob::new(owner, SystemTime::now());
    /// assert_eq!(job.status, JobStatus::QUEUED);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub const fn new(owner: UserId, created_at: SystemTime) -> Self {
        Self {
            owner,
            created_at,
            org: None,
            status: JobStatus::QUEUED,
            fields: Vec::new(),
        }
    }
}

/// One change of a job's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new status.
    pub to: JobStatus,
    /// A sentence for people.
    pub message: String,
    /// When. A store writes it as [`log_domain::Timestamp`] has it.
    pub at: SystemTime,
}

impl Transition {
    /// A change at a time.
    #[must_use]
    pub fn new(to: JobStatus, message: impl Into<String>, at: SystemTime) -> Self {
        Self {
            to,
            message: message.into(),
            at,
        }
    }
}

/// Creates jobs and changes their status: the producer's side.
///
/// # Contract
///
/// * **T1** `create` MUST NOT change a job that exists. A job that it creates MUST have the given owner, organisation, status
///   and time.
/// * **T2** `transition` MUST take one step that [`JobWrites::lifecycle`] allows, by compare-and-set: of two that
///   race from one status, one MUST win and the other MUST be checked against the new status.
/// * **T3** A step that is not allowed MUST NOT change the job.
/// * **T4** A step MUST notify every [`JobWatch`] of the job.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// fn lifecycle(&self) -> &Lifecycle;
/// async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError>;
/// async fn transition(&self, job: &JobId, step: &Transition) -> Result<JobStatus, TransitionError>;
/// ```
#[async_trait]
pub trait JobWrites: Jobs {
    /// The statuses of the jobs in this store, and which may follow which. The default is the lifecycle of the wire contract.
    fn lifecycle(&self) -> &Lifecycle {
        Lifecycle::contract()
    }

    /// Creates a job.
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError>;

    /// Takes one step, and returns the status the job had before.
    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError>;
}
