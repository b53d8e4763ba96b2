//! [`Writes`]: what all writing routes share.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{JobId, Numbering, Timestamp};
use log_store::{
    JobDetails, JobWrites, NewLine, NumberedAppend, NumberedAppendError, NumberedAppended,
};
use log_wire::{AppendedBody, ErrorCode, WriteProblem};

use super::memory::{Memory, Part};
use super::pacing::Pacing;
use crate::access::WriteGate;
use crate::error::ApiError;

/// How long a worker may gather lines while somebody watches, and while nobody does, in milliseconds.
const FLUSH_WATCHED: u64 = 250;
const FLUSH_UNWATCHED: u64 = 2_000;

/// So long after its creation, a job counts as watched: somebody is about to look.
const YOUNG: Duration = Duration::from_secs(60);

/// Where writes go. Both are often the same store.
#[derive(Clone)]
pub struct WriteStores {
    /// Creates jobs and changes their status.
    pub jobs: Arc<dyn JobWrites>,
    /// Appends lines.
    pub lines: Arc<dyn NumberedAppend>,
}

/// The rules of writing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How long a job that has ended takes lines.
    pub grace: Duration,
    /// How many lines a job may append each second; `None` is no limit.
    pub lines_per_second: Option<NonZero<usize>>,
    /// How many bytes a job may append each second; `None` is no limit.
    pub bytes_per_second: Option<NonZero<usize>>,
    /// How many bytes of memory the bodies under way may use.
    pub memory: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(600),
            lines_per_second: NonZero::new(20_000),
            bytes_per_second: NonZero::new(8 * 1024 * 1024),
            memory: 256 * 1024 * 1024,
        }
    }
}

impl WriteOptions {
    /// Sets [`WriteOptions::grace`].
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets [`WriteOptions::lines_per_second`].
    #[must_use]
    pub const fn lines_per_second(mut self, lines_per_second: Option<NonZero<usize>>) -> Self {
        self.lines_per_second = lines_per_second;
        self
    }

    /// Sets [`WriteOptions::bytes_per_second`].
    #[must_use]
    pub const fn bytes_per_second(mut self, bytes_per_second: Option<NonZero<usize>>) -> Self {
        self.bytes_per_second = bytes_per_second;
        self
    }

    /// Sets [`WriteOptions::memory`].
    #[must_use]
    pub const fn memory(mut self, memory: usize) -> Self {
        self.memory = memory;
        self
    }
}

/// The writing side of a service. There is one in a process.
pub struct Writes {
    /// Who may write.
    pub gate: Arc<WriteGate>,
    pub(crate) stores: WriteStores,
    options: WriteOptions,
    pacing: Pacing,
    memory: Memory,
    /// Is told of each job that gets a worker.
    created: Option<Created>,
}

/// Takes a job, and may give the address of its page.
type Created = Box<dyn Fn(&JobId) -> Option<String> + Send + Sync>;

impl Writes {
    /// Writes to these stores, by these rules.
    #[must_use]
    pub fn new(gate: Arc<WriteGate>, stores: WriteStores, options: WriteOptions) -> Self {
        Self {
            gate,
            stores,
            pacing: Pacing::new(options.lines_per_second, options.bytes_per_second),
            memory: Memory::new(options.memory),
            options,
            created: None,
        }
    }

    /// Calls this for each job that is created, and for each one whose worker asks for another token. It may give the path
    /// and the fragment of the job's page; they are sent to whoever created the job.
    pub fn on_created(
        &mut self,
        created: impl Fn(&JobId) -> Option<String> + Send + Sync + 'static,
    ) {
        self.created = Some(Box::new(created));
    }

    /// A job was created, or its worker has come back. Returns the address of its page, if there is a special one.
    pub(crate) fn announce(&self, job: &JobId) -> Option<String> {
        self.created.as_ref().and_then(|created| created(job))
    }

    /// The memory of one body.
    pub(crate) fn memory(&self) -> Part {
        self.memory.part()
    }

    /// A job that takes lines now.
    ///
    /// # Errors
    /// 404 if there is no such job; 409 if it ended too long ago.
    pub(crate) async fn job_to_append(&self, job: &JobId) -> Result<JobDetails, ApiError> {
        let details = self.stores.jobs.details(job).await?;
        let details = details.ok_or(ApiError::Code(ErrorCode::JobNotFound))?;
        if details.job.status.is_terminal() && self.ended_long_ago(&details) {
            return Err(ApiError::Code(ErrorCode::JobEnded));
        }
        Ok(details)
    }

    /// A time that cannot be read is no reason to refuse lines.
    fn ended_long_ago(&self, details: &JobDetails) -> bool {
        let ended = details.updated_at.as_ref().and_then(Timestamp::time);
        ended.is_some_and(|ended| age(ended) > self.options.grace)
    }

    /// Takes lines off the job's allowance.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn take_allowance(&self, job: &JobId, lines: &[NewLine]) -> Result<(), Duration> {
        let bytes = lines.iter().filter_map(|line| line.text.as_deref());
        self.pacing
            .take(job, lines.len(), bytes.map(str::len).sum())
    }

    /// Appends lines: once if they are numbered, else at least once.
    ///
    /// # Errors
    /// 409 for a gap, 403 for an older epoch, 503 if the store is away.
    pub(crate) async fn append(
        &self,
        job: &JobId,
        numbering: Option<&Numbering>,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, ApiError> {
        let Some(numbering) = numbering else {
            let ids = self.stores.lines.append(job, lines).await?;
            return Ok(NumberedAppended {
                next: 0,
                appended: ids.len() as u64,
                duplicate: 0,
                last_id: ids.last().copied(),
                resumed: true,
            });
        };
        let appended = self
            .stores
            .lines
            .append_numbered(job, numbering, lines)
            .await;
        appended.map_err(refused)
    }
}

/// The answer to an append.
pub(crate) fn appended_body(
    done: &NumberedAppended,
    numbered: bool,
    job: &JobDetails,
    watched: bool,
) -> AppendedBody {
    let created = job.created_at.as_ref().and_then(Timestamp::time);
    let young = created.is_some_and(|created| age(created) < YOUNG);
    AppendedBody {
        next: numbered.then_some(done.next),
        appended: done.appended,
        duplicate: done.duplicate,
        last_id: done.last_id,
        resumed: done.resumed,
        flush_ms: if watched || young {
            FLUSH_WATCHED
        } else {
            FLUSH_UNWATCHED
        },
        job_status: job.job.status.clone(),
    }
}

fn refused(error: NumberedAppendError) -> ApiError {
    match error {
        NumberedAppendError::Gap { next } => ApiError::Write {
            code: ErrorCode::LineGap,
            detail: format!("Lines before these are missing; send from line {next} on"),
            more: Box::new(WriteProblem {
                next: Some(next),
                ..WriteProblem::default()
            }),
        },
        NumberedAppendError::StaleEpoch { epoch } => ApiError::Write {
            code: ErrorCode::StaleEpoch,
            detail: format!("Another worker has taken over: the producer's epoch is {epoch}"),
            more: Box::new(WriteProblem {
                epoch: Some(epoch),
                ..WriteProblem::default()
            }),
        },
        NumberedAppendError::Store(error) => error.into(),
        _ => ApiError::Code(ErrorCode::Internal),
    }
}

/// How long ago it was; zero for a time to come.
fn age(time: SystemTime) -> Duration {
    time.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_no_time_ago() {
        let now = SystemTime::now();
        assert_eq!(age(now + YOUNG), Duration::ZERO);
        assert!(age(now - YOUNG) >= YOUNG);
    }
}
