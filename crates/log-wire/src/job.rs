//! The JSON of a job's status.

use log_domain::{JobId, JobStatus, Timestamp};
use serde::{Deserialize, Serialize};

/// What `GET …/logs/status` answers. A text is `null` if the job's record does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusBody {
    /// The job.
    #[serde(with = "crate::text")]
    pub job_id: JobId,
    /// Its status. Of one that is not in the wire contract, only `terminal` says whether it ends a job.
    #[serde(with = "crate::text")]
    pub status: JobStatus,
    /// Whether the job has ended.
    pub terminal: bool,
    /// What the last change of the status said.
    pub status_message: Option<String>,
    /// When the job was created, as its producer wrote it.
    #[serde(with = "crate::text::or_null", default)]
    pub created_at: Option<Timestamp>,
    /// When the status changed last, as the producer wrote it.
    #[serde(with = "crate::text::or_null", default)]
    pub updated_at: Option<Timestamp>,
}
