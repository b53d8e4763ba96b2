//! The API as a store for a worker: it appends numbered lines, and changes the status of the job. It reads nothing: an
//! append token reads nothing.

use std::time::Duration;

use async_trait::async_trait;
use log_client::{Client, ClientError, Problem, TransientError};
use log_domain::{
    EntryId, IllegalTransition, Job, JobId, JobStatus, Numbering, ProducerName, ProducerState,
};
use log_store::{
    CreateJobError, JobWatch, JobWrites, Jobs, LogAppend, NewJob, NewLine, NumberedAppend,
    NumberedAppendError, NumberedAppended, StoreError, StoreRefused, StoreUnavailable, Transition,
    TransitionError,
};
use log_wire::{AppendedBody, NewLineBody, StepBody, WriteProblem};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

/// A batch of so many lines does not wait until the server wants the next one.
const FULL_BATCH: usize = 500;

/// The longest time that the server may ask to stay away.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// One job, as its worker sees it.
pub(crate) struct ApiStore {
    client: Client,
    /// One request at a time, when the server wants it.
    pace: Mutex<Pace>,
    /// Whether the last request was answered, and the status of the job as the last answer had it.
    last: watch::Sender<LastAnswer>,
}

/// What the last request showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastAnswer {
    /// The last request had no answer, or one that asks to come back.
    pub(crate) is_away: bool,
    /// The status of the job. `None` before the first answer.
    pub(crate) status: Option<JobStatus>,
}

#[derive(Debug)]
struct Pace {
    /// When the server wants the next lines.
    lines_at: Instant,
    /// Before it, the server wants nothing.
    not_before: Instant,
}

impl ApiStore {
    pub(crate) fn new(client: Client) -> Self {
        let now = Instant::now();
        Self {
            client,
            pace: Mutex::new(Pace {
                lines_at: now,
                not_before: now,
            }),
            last: watch::Sender::default(),
        }
    }

    /// What the last request showed.
    pub(crate) fn last_answer(&self) -> LastAnswer {
        self.last.borrow().clone()
    }

    async fn send(
        &self,
        job: &JobId,
        numbering: Option<&Numbering>,
        lines: &[NewLine],
    ) -> Result<AppendedBody, ClientError> {
        let body: Vec<_> = lines.iter().map(body).collect();
        let mut pace = self.pace.lock().await;
        let wants = if lines.is_empty() || lines.len() >= FULL_BATCH {
            pace.not_before
        } else {
            pace.lines_at.max(pace.not_before)
        };
        sleep_until(wants).await;
        let sent = self.client.append(job, numbering, &body).await;
        let now = Instant::now();
        let is_away = matches!(sent, Err(ClientError::GaveUp { .. }));
        self.last.send_modify(|last| last.is_away = is_away);
        match &sent {
            Ok(answer) => {
                let status = Some(answer.job_status.clone());
                self.last.send_modify(|last| last.status = status);
                pace.lines_at = now + Duration::from_millis(answer.flush_ms.min(10_000));
            }
            Err(error) => {
                let asked = problem(error).and_then(|problem| problem.retry_after);
                // Workers that were all refused at once must not all come back at once.
                let spread = Duration::from_millis(fastrand::u64(0..=500));
                pace.not_before = now + asked.unwrap_or_default().min(MAX_RETRY_AFTER) + spread;
            }
        }
        drop(pace);
        sent
    }
}

#[async_trait]
impl LogAppend for ApiStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let sent = self.send(job, None, lines).await.map_err(store_error)?;
        Ok(vec![sent.last_id.unwrap_or(EntryId::ZERO); lines.len()])
    }
}

#[async_trait]
impl NumberedAppend for ApiStore {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        match self.send(job, Some(batch), lines).await {
            Ok(answer) => Ok(NumberedAppended {
                next: answer
                    .next
                    .unwrap_or_else(|| batch.first() + lines.len() as u64),
                appended: answer.appended,
                duplicate: answer.duplicate,
                last_id: answer.last_id,
                resumed: answer.resumed,
            }),
            Err(error) => Err(match problem(&error) {
                Some(problem) if problem.write.next.is_some() && problem.status == 409 => {
                    NumberedAppendError::Gap {
                        next: problem.write.next.unwrap_or_default(),
                    }
                }
                Some(problem) if problem.write.epoch.is_some() => NumberedAppendError::StaleEpoch {
                    epoch: problem.write.epoch.unwrap_or_default(),
                },
                _ => store_error(error).into(),
            }),
        }
    }

    /// Nobody asks: a writer of this process knows its place.
    async fn producer(
        &self,
        _: &JobId,
        _: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Jobs for ApiStore {
    /// The status comes with the answer to an append, here one without lines.
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        match self.send(job, None, &[]).await {
            Ok(answer) => Ok(Some(Job {
                status: answer.job_status,
                owner: None,
                org: None,
            })),
            Err(ClientError::NotFound(_)) => Ok(None),
            Err(error) => Err(store_error(error)),
        }
    }

    fn watch_job(&self, _: &JobId) -> Box<dyn JobWatch> {
        Box::new(NeverChanges)
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl JobWrites for ApiStore {
    /// A worker creates its job before it has a store.
    async fn create(&self, _: &JobId, _: &NewJob) -> Result<(), CreateJobError> {
        Err(CreateJobError::Exists)
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let body = StepBody::new(step.to.clone(), step.message.clone());
        match self.client.step(job, &body).await {
            Ok(_) => Ok(step.to.clone()),
            Err(ClientError::NotFound(_)) => Err(TransitionError::NotFound),
            Err(error) => Err(match problem(&error).map(|problem| &*problem.write) {
                Some(WriteProblem {
                    from: Some(from),
                    allowed: Some(allowed),
                    ..
                }) => {
                    let allowed = allowed.clone();
                    IllegalTransition::new(from.clone(), step.to.clone(), allowed).into()
                }
                _ => store_error(error).into(),
            }),
        }
    }
}

struct NeverChanges;

#[async_trait]
impl JobWatch for NeverChanges {
    async fn changed(&mut self) {
        std::future::pending::<()>().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        Ok(None)
    }
}

fn body(line: &NewLine) -> NewLineBody {
    let mut body = NewLineBody::new(line.text.clone().unwrap_or_default()).open(line.open);
    body.source.clone_from(&line.source);
    body.ts.clone_from(&line.ts);
    body.phase.clone_from(&line.phase);
    body
}

/// What the server said.
fn problem(error: &ClientError) -> Option<&Problem> {
    match error {
        ClientError::Unauthenticated(problem)
        | ClientError::NotFound(problem)
        | ClientError::Invalid(problem)
        | ClientError::Refused(problem)
        | ClientError::GaveUp {
            error: TransientError::Unavailable(problem),
            ..
        } => Some(problem),
        _ => None,
    }
}

fn store_error(error: ClientError) -> StoreError {
    match error {
        ClientError::GaveUp { error, .. } => StoreUnavailable::new(error).into(),
        error => StoreRefused::new(error).into(),
    }
}
