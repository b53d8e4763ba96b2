//! The JSON of a job's status.

use serde::{Deserialize, Serialize};

/// What `GET …/logs/status` answers. A text is `null` if the job's record does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusBody {
    /// The job.
    pub job_id: String,
    /// Its status.
    pub status: String,
    /// Whether the job has ended.
    pub terminal: bool,
    /// What the last change of the status said.
    pub status_message: Option<String>,
    /// When the job was created, as its producer wrote it.
    pub created_at: Option<String>,
    /// When the status changed last, as the producer wrote it.
    pub updated_at: Option<String>,
}
