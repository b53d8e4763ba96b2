//! Creates the job of a log, and moves it from status to status by allowed steps.

use std::sync::Arc;
use std::time::SystemTime;

use log_domain::{IllegalTransition, JobId, JobStatus, UserId};
use log_store::{CreateJobError, JobWrites, NewJob, StoreError, Transition, TransitionError};
use tokio::time::{Instant, sleep};

use crate::claim::RunClaim;
use crate::options::RetryOptions;

/// Creates a job with status `queued`. This makes one attempt only: if the answer is lost, the caller must check who owns
/// the job.
///
/// # Errors
/// There is already a job with this id, or the store cannot be reached, or it refuses.
pub async fn create_job(
    jobs: &dyn JobWrites,
    job: &JobId,
    owner: UserId,
) -> Result<(), CreateJobError> {
    let new = NewJob::new(owner, SystemTime::now());
    jobs.create(job, &new).await
}

/// How many times other producers may move the job at the same time before that is an error.
const MAX_RACES: usize = 16;

/// A job, and who moves it.
pub(crate) struct JobOwner {
    pub(crate) jobs: Arc<dyn JobWrites>,
    pub(crate) claim: Option<Arc<RunClaim>>,
    pub(crate) job: JobId,
    pub(crate) retry: RetryOptions,
}

impl JobOwner {
    pub(crate) fn steps(&self) -> JobSteps<'_> {
        JobSteps {
            jobs: &*self.jobs,
            claim: self.claim.as_deref(),
            job: &self.job,
            retry: &self.retry,
        }
    }
}

/// Moves one job.
pub(crate) struct JobSteps<'a> {
    pub(crate) jobs: &'a dyn JobWrites,
    /// The claim under which the steps are taken, if there is one.
    pub(crate) claim: Option<&'a RunClaim>,
    pub(crate) job: &'a JobId,
    pub(crate) retry: &'a RetryOptions,
}

impl JobSteps<'_> {
    /// Takes one step.
    pub(crate) async fn step(&self, to: JobStatus, message: &str) -> Result<(), TransitionError> {
        self.move_to(to, message, Reach::OneStep).await
    }

    /// Takes the shortest chain of allowed steps.
    pub(crate) async fn walk(&self, to: JobStatus, message: &str) -> Result<(), TransitionError> {
        self.move_to(to, message, Reach::Chain).await
    }

    /// Takes the steps to a status that ends the job.
    pub(crate) async fn end(&self, to: JobStatus, message: &str) -> Result<(), TransitionError> {
        let lifecycle = self.jobs.lifecycle();
        if lifecycle.status(to.as_str()).is_terminal() {
            return self.walk(to, message).await;
        }
        let found = self.jobs.get(self.job).await?;
        let from = found.ok_or(TransitionError::NotFound)?.status;
        let ends = lifecycle.statuses().filter(|status| status.is_terminal());
        Err(IllegalTransition::new(from, to, ends.cloned().collect()).into())
    }

    /// Moves the job to a status. Tries again while the store cannot be reached.
    async fn move_to(
        &self,
        to: JobStatus,
        message: &str,
        reach: Reach,
    ) -> Result<(), TransitionError> {
        let deadline = Instant::now() + self.retry.give_up_after;
        let mut pauses = self.retry.pauses();
        let mut in_doubt = false;
        let mut races = 0;
        loop {
            match self.try_step(&to, message, reach, &mut in_doubt).await {
                Ok(StepResult::Arrived) => return Ok(()),
                Ok(StepResult::OnTheWay) => {}
                // Another producer moved the job between the read and the step. Read it again.
                Err(StepError::Raced(e)) if races == MAX_RACES => return Err(e.into()),
                Err(StepError::Raced(_)) => races += 1,
                Err(StepError::Failed(e)) => {
                    let is_away = matches!(e, TransitionError::Store(StoreError::Unavailable(_)));
                    let pause = pauses.next().unwrap_or(self.retry.max_backoff);
                    if !is_away || Instant::now() + pause > deadline {
                        return Err(e);
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// Reads the status of the job, and takes one step from there.
    async fn try_step(
        &self,
        to: &JobStatus,
        message: &str,
        reach: Reach,
        in_doubt: &mut bool,
    ) -> Result<StepResult, StepError> {
        let found = self.jobs.get(self.job).await?;
        let from = found.ok_or(TransitionError::NotFound)?.status;
        if *in_doubt && from.as_str() == to.as_str() {
            // The last step was made, and only its answer was lost.
            return Ok(StepResult::Arrived);
        }
        let lifecycle = self.jobs.lifecycle();
        let next = match reach {
            Reach::OneStep => lifecycle.check_step(&from, to).map(|()| to.clone()),
            Reach::Chain => lifecycle.next_step(&from, to),
        };
        let next = next.map_err(TransitionError::Illegal)?;
        let arrives = next.as_str() == to.as_str();
        let step = Transition {
            message: step_message(&next, to, message),
            to: next,
            at: SystemTime::now(),
        };
        let taken = match self.claim {
            Some(claim) => claim.claims.0.step(self.job, &claim.run, &step).await,
            None => self.jobs.transition(self.job, &step).await,
        };
        match taken {
            Ok(_) if arrives => Ok(StepResult::Arrived),
            Ok(_) => Ok(StepResult::OnTheWay),
            Err(TransitionError::Illegal(e)) => Err(StepError::Raced(e)),
            Err(e @ TransitionError::Store(StoreError::Unavailable(_))) => {
                *in_doubt |= arrives;
                Err(e.into())
            }
            Err(e) => Err(e.into()),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Reach {
    OneStep,
    Chain,
}

enum StepResult {
    Arrived,
    OnTheWay,
}

enum StepError {
    /// The job's status has changed since it was read.
    Raced(IllegalTransition),
    Failed(TransitionError),
}

impl<E: Into<TransitionError>> From<E> for StepError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The message of a step. The last step has the caller's message, and the steps before it name their status.
fn step_message(step: &JobStatus, to: &JobStatus, message: &str) -> String {
    if step.as_str() == to.as_str() {
        return message.to_owned();
    }
    match step.as_str() {
        "scaffold" => "Scaffolding".to_owned(),
        "code" => "Writing code".to_owned(),
        "deps" => "Installing dependencies".to_owned(),
        "checks" => "Running checks".to_owned(),
        other => capitalized(other),
    }
}

fn capitalized(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// The phase of the lines while a job has a status, as existing producers name it. `None` if the status implies none.
#[must_use]
pub fn phase_for_status(status: &JobStatus) -> Option<&'static str> {
    match status.as_str() {
        "scaffold" => Some("scaffold"),
        "code" => Some("code"),
        "deps" => Some("install"),
        "checks" => Some("checks"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_on_the_way_name_their_status_and_the_last_one_has_the_message() {
        let text = |step: &str| {
            let step = JobStatus::parse(step);
            step_message(&step, &JobStatus::READY, "All done")
        };
        assert_eq!(text("ready"), "All done");
        assert_eq!(text("deps"), "Installing dependencies");
        assert_eq!(text("starting"), "Starting");
        assert_eq!(text("unpacking"), "Unpacking");
    }
}
