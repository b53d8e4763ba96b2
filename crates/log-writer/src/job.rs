//! The job of a log: created, and moved along its life one allowed step at a time.

use std::collections::VecDeque;

use log_domain::{IllegalTransition, JobId, JobStatus, UserId};
use log_store::{CreateJobError, JobWrites, NewJob, StoreError, Transition, TransitionError};
use tokio::time::{Instant, sleep};

use crate::clock;
use crate::options::{Backoff, RetryOptions};

/// Creates a job, `queued` and of now. Does not try again: a caller that loses the answer has to look whose the
/// job is.
///
/// # Errors
/// There is a job of that id, or the store is away or refuses.
pub async fn create_job(
    jobs: &dyn JobWrites,
    job: &JobId,
    owner: UserId,
) -> Result<(), CreateJobError> {
    let created_at = clock::iso(clock::now());
    jobs.create(job, &NewJob { owner, created_at }).await
}

/// How many times other producers may move the job on under us before that is an error.
const MAX_RACES: usize = 16;

/// Every status that the rules know.
const KNOWN: [JobStatus; 9] = [
    JobStatus::Queued,
    JobStatus::Scheduled,
    JobStatus::Starting,
    JobStatus::Scaffold,
    JobStatus::Code,
    JobStatus::Deps,
    JobStatus::Checks,
    JobStatus::Ready,
    JobStatus::Failed,
];

/// Moves one job.
pub(crate) struct Steps<'a> {
    pub(crate) jobs: &'a dyn JobWrites,
    pub(crate) job: &'a JobId,
    pub(crate) retry: &'a RetryOptions,
}

impl Steps<'_> {
    /// Takes one step.
    pub(crate) async fn step(&self, to: JobStatus, message: &str) -> Result<(), TransitionError> {
        self.persist(to, message, Reach::OneStep).await
    }

    /// Takes as many steps as it needs, along the shortest chain of allowed ones.
    pub(crate) async fn walk(&self, to: JobStatus, message: &str) -> Result<(), TransitionError> {
        self.persist(to, message, Reach::Chain).await
    }

    async fn persist(
        &self,
        to: JobStatus,
        message: &str,
        reach: Reach,
    ) -> Result<(), TransitionError> {
        let deadline = Instant::now() + self.retry.give_up;
        let mut backoff = Backoff::new(self.retry);
        let mut in_doubt = false;
        let mut races = 0;
        loop {
            match self.advance(&to, message, reach, &mut in_doubt).await {
                Ok(Advance::Arrived) => return Ok(()),
                Ok(Advance::OnTheWay) => {}
                // Somebody else moved the job between our look and our step: judge the step anew.
                Err(Setback::Raced(e)) if races == MAX_RACES => return Err(e.into()),
                Err(Setback::Raced(_)) => races += 1,
                Err(Setback::Failed(e)) => {
                    let away = matches!(e, TransitionError::Store(StoreError::Unavailable(_)));
                    let pause = backoff.pause();
                    if !away || Instant::now() + pause > deadline {
                        return Err(e);
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// Looks where the job is and takes one step from there.
    async fn advance(
        &self,
        to: &JobStatus,
        message: &str,
        reach: Reach,
        in_doubt: &mut bool,
    ) -> Result<Advance, Setback> {
        let found = self.jobs.get(self.job).await?;
        let from = found.ok_or(TransitionError::NotFound)?.status;
        if *in_doubt && from == *to {
            // The answer to our last step was lost, the step was not.
            return Ok(Advance::Arrived);
        }
        let next = match reach {
            Reach::OneStep => from.check_step(to).map(|()| to.clone()),
            Reach::Chain => next_step(&from, to),
        };
        let next = next.map_err(TransitionError::Illegal)?;
        let arrives = next == *to;
        let step = Transition {
            message: step_message(&next, to, message),
            to: next,
            at: clock::iso(clock::now()),
        };
        match self.jobs.transition(self.job, &step).await {
            Ok(_) if arrives => Ok(Advance::Arrived),
            Ok(_) => Ok(Advance::OnTheWay),
            Err(TransitionError::Illegal(e)) => Err(Setback::Raced(e)),
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

enum Advance {
    Arrived,
    OnTheWay,
}

enum Setback {
    /// The job was not where it was when we looked.
    Raced(IllegalTransition),
    Failed(TransitionError),
}

impl<E: Into<TransitionError>> From<E> for Setback {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The first step of the shortest chain of allowed steps between two statuses.
///
/// An error names both ends where no chain leads from one to the other; a status leads to itself only through others.
fn next_step(from: &JobStatus, to: &JobStatus) -> Result<JobStatus, IllegalTransition> {
    // Breadth first, from every first step; each entry is a status and the first step that led to it.
    let mut seen: Vec<&JobStatus> = Vec::new();
    let mut open: VecDeque<(&JobStatus, &JobStatus)> = KNOWN
        .iter()
        .filter(|next| from.may_become(next))
        .map(|next| (next, next))
        .collect();
    while let Some((at, first)) = open.pop_front() {
        if at == to {
            return Ok(first.clone());
        }
        if seen.contains(&at) {
            continue;
        }
        seen.push(at);
        let steps = KNOWN.iter().filter(|next| at.may_become(next));
        open.extend(steps.map(|next| (next, first)));
    }
    Err(IllegalTransition {
        from: from.clone(),
        to: to.clone(),
    })
}

/// What a step says: the last one what the caller says, the ones on the way what they are.
fn step_message(step: &JobStatus, to: &JobStatus, message: &str) -> String {
    if step == to {
        return message.to_owned();
    }
    let on_the_way = match step {
        JobStatus::Queued => "Queued",
        JobStatus::Scheduled => "Scheduled",
        JobStatus::Starting => "Starting",
        JobStatus::Scaffold => "Scaffolding",
        JobStatus::Code => "Writing code",
        JobStatus::Deps => "Installing dependencies",
        JobStatus::Checks => "Running checks",
        JobStatus::Ready | JobStatus::Failed | JobStatus::Other(_) => message,
    };
    on_the_way.to_owned()
}

/// The phase that lines carry while a job is in a status, as existing producers name it.
pub(crate) const fn phase_of(status: &JobStatus) -> Option<&'static str> {
    match status {
        JobStatus::Scaffold => Some("scaffold"),
        JobStatus::Code => Some("code"),
        JobStatus::Deps => Some("install"),
        JobStatus::Checks => Some("checks"),
        JobStatus::Queued
        | JobStatus::Scheduled
        | JobStatus::Starting
        | JobStatus::Ready
        | JobStatus::Failed
        | JobStatus::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_chain(from: &str, to: &str, expected: &[&str]) {
        let to = JobStatus::parse(to);
        let mut at = JobStatus::parse(from);
        let mut chain = Vec::new();
        while chain.is_empty() || at != to {
            at = next_step(&at, &to).unwrap();
            chain.push(at.to_string());
        }
        assert_eq!(chain, expected);
    }

    #[test]
    fn the_shortest_chain_of_allowed_steps_is_found() {
        let whole = ["starting", "scaffold", "code", "deps", "checks", "ready"];
        check_chain("queued", "ready", &whole);
        check_chain("code", "ready", &["deps", "checks", "ready"]);
        check_chain("checks", "ready", &["ready"]);
        check_chain("checks", "code", &["scaffold", "code"]);
        check_chain("deps", "failed", &["failed"]);
        check_chain("scheduled", "failed", &["queued", "failed"]);
        check_chain("cancelling", "failed", &["failed"]);
    }

    #[test]
    fn where_no_chain_leads_the_error_names_both_ends() {
        for (from, to) in [
            ("failed", "ready"),
            ("ready", "failed"),
            ("ready", "ready"),
            ("failed", "failed"),
            ("cancelling", "ready"),
            ("code", "queued"),
        ] {
            let refused = next_step(&JobStatus::parse(from), &JobStatus::parse(to)).unwrap_err();
            let expected = format!("a job that is `{from}` cannot become `{to}`");
            assert_eq!(refused.to_string(), expected);
        }
    }
}
