//! The JSON of writing over HTTP: what workers and those who create jobs send, and what they are answered.

use std::collections::BTreeMap;

use log_domain::{EntryId, JobId, JobStatus, OrgId, ProducerName, Source, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One line of an `application/x-ndjson` body.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewLineBody {
    /// The line, without its newline.
    pub text: String,
    /// Where it came from; `stdout` if it is left out. The API takes no [`Source::Other`].
    #[serde(
        with = "crate::text::or_null",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub source: Option<Source>,
    /// When it was written; the clock of the server if it is left out. The API takes ISO 8601.
    #[serde(
        with = "crate::text::or_null",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub ts: Option<Timestamp>,
    /// The part of the build that wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// Whether this is only the state of a line that has not ended yet.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub open: bool,
}

impl NewLineBody {
    /// A line with a text, and nothing else.
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use log_domain::Source;
    /// use log_wire::NewLineBody;
    ///
    /// let line = NewLineBody::new("Compiling").source(Source::Stderr).ts(SystemTime::now());
    /// assert_eq!(line.source, Some(Source::Stderr));
    /// ```
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Sets where it came from.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// Sets when it was written.
    #[must_use]
    pub fn ts(mut self, ts: impl Into<Timestamp>) -> Self {
        self.ts = Some(ts.into());
        self
    }

    /// Sets the part of the build that wrote it.
    #[must_use]
    pub fn phase(mut self, phase: impl Into<String>) -> Self {
        self.phase = Some(phase.into());
        self
    }

    /// Sets whether it is only the state of a line that has not ended yet.
    #[must_use]
    pub const fn open(mut self, open: bool) -> Self {
        self.open = open;
        self
    }
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
    #[serde(with = "crate::text::or_null", default)]
    pub last_id: Option<EntryId>,
    /// False if the log knew nothing of the producer and the lines do not begin at 0: a new beginning.
    pub resumed: bool,
    /// How long a worker may gather lines before the next request, in milliseconds.
    pub flush_ms: u64,
    /// The status of the job. A worker whose job was ended by somebody else learns it here.
    #[serde(with = "crate::text")]
    pub job_status: JobStatus,
}

/// What a log knows of a producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerBody {
    /// The newest epoch.
    pub epoch: u64,
    /// The number of the line that is wanted next.
    pub next: u64,
    /// The id of its last line; `null` if there is none.
    #[serde(with = "crate::text::or_null", default)]
    pub last_id: Option<EntryId>,
}

/// A job to create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CreateBody {
    /// Who owns the job.
    pub user_id: String,
    /// The organisation that the job belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org_id: Option<String>,
    /// The first status; `queued` if it is left out.
    #[serde(
        with = "crate::text::or_null",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub status: Option<JobStatus>,
    /// Fields of the record that are not those of this service: texts, numbers and flags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub fields: BTreeMap<String, Value>,
    /// Whether to make an append token although the job exists.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub token: bool,
}

impl CreateBody {
    /// A job of an owner, and nothing else.
    ///
    /// ```
    /// use log_domain::UserId;
    /// use log_wire::CreateBody;
    ///
    /// let owner = UserId::new("user_ann").ok_or("a user")?;
    /// let new = CreateBody::new(&owner).field("tier", "pro").token(true);
    /// assert_eq!(new.user_id, "user_ann");
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn new(owner: &UserId) -> Self {
        Self {
            user_id: owner.as_str().to_owned(),
            org_id: None,
            status: None,
            fields: BTreeMap::new(),
            token: false,
        }
    }

    /// Sets the organisation that the job belongs to.
    #[must_use]
    pub fn org(mut self, org: &OrgId) -> Self {
        self.org_id = Some(org.as_str().to_owned());
        self
    }

    /// Sets the first status.
    #[must_use]
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds a field to the record.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Sets whether to make an append token although the job exists.
    #[must_use]
    pub const fn token(mut self, token: bool) -> Self {
        self.token = token;
        self
    }
}

/// The answer to the creation of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedBody {
    /// The job.
    #[serde(with = "crate::text")]
    pub job_id: JobId,
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
#[non_exhaustive]
pub struct StepBody {
    /// The new status.
    #[serde(with = "crate::text")]
    pub status: JobStatus,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
    /// How many lines of each producer must be in the log, before a job ends.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub producers: BTreeMap<String, u64>,
}

impl StepBody {
    /// A change that waits for no lines.
    #[must_use]
    pub fn new(status: JobStatus, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            producers: BTreeMap::new(),
        }
    }

    /// Sets how many lines of a producer must be in the log, before the job ends.
    #[must_use]
    pub fn producer(mut self, name: &ProducerName, lines: u64) -> Self {
        self.producers.insert(name.to_string(), lines);
        self
    }
}

/// The answer to a change of a job's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteppedBody {
    /// The status now.
    #[serde(with = "crate::text")]
    pub status: JobStatus,
}
