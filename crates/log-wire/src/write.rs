//! The JSON of writing over HTTP: what workers and those who create jobs send, and what they are answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of an `application/x-ndjson` body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NewLineBody {
    /// The line, without its newline.
    pub text: String,
    /// `stdout`, `stderr` or `system`; `stdout` if it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// When it was written, ISO 8601; the clock of the server if it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ts: Option<String>,
    /// The part of the build that wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// Whether this is only the state of a line that has not ended yet.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub open: bool,
}

/// The answer to an append.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendedBody {
    /// The number of the line that the log wants next from this producer; `null` without a producer.
    pub next: Option<u64>,
    /// How many lines are new in the log.
    pub appended: u64,
    /// How many lines were there already.
    pub duplicate: u64,
    /// The id of the last line of this request or, with a producer, of the producer; `null` if there is none.
    pub last_id: Option<String>,
    /// False if the log knew nothing of the producer and the lines do not begin at 0: a new beginning.
    pub resumed: bool,
    /// How long a worker may gather lines before the next request, in milliseconds.
    pub flush_ms: u64,
    /// The status of the job. A worker whose job was ended by somebody else learns it here.
    pub job_status: String,
}

/// What a log knows of a producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerBody {
    /// The newest epoch.
    pub epoch: u64,
    /// The number of the line that is wanted next.
    pub next: u64,
    /// The id of its last line; `null` if there is none.
    pub last_id: Option<String>,
}

/// A job to create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateBody {
    /// Who owns the job.
    pub user_id: String,
    /// The organisation that the job belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org_id: Option<String>,
    /// The first status; `queued` if it is left out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<String>,
    /// Fields of the record that are not those of this service: texts, numbers and flags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fields: BTreeMap<String, Value>,
    /// Whether to make an append token although the job exists.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub token: bool,
}

/// The answer to the creation of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedBody {
    /// The job.
    pub job_id: String,
    /// The credential of its worker. Missing if the job existed and none was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub append_token: Option<String>,
    /// How long the token is valid, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
    /// The path and the fragment of the job's page that sign its visitor in, once. Only a service for development has them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub page: Option<String>,
}

/// A change of a job's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBody {
    /// The new status.
    pub status: String,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
    /// How many lines of each producer must be in the log, before a job ends.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub producers: BTreeMap<String, u64>,
}

/// The answer to a change of a job's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteppedBody {
    /// The status now.
    pub status: String,
}
