//! T1 to T4, and J5 for what a store writes itself.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Job, JobStatus, OrgId};

use super::jobs::{created, job, settle, status};
use crate::conformance::subject::{JobWriteSubject, created_at, new_job};
use crate::conformance::support::soon;
use crate::{CreateJobError, JobDetails, NewJob, Transition, TransitionError};

/// How long after its creation a job takes its steps.
const LATER: Duration = Duration::from_millis(1_001);

pub(super) fn step(to: JobStatus) -> Transition {
    Transition {
        to,
        message: "as planned".into(),
        at: created_at() + LATER,
    }
}

/// T1.
pub async fn a_job_begins_queued(subject: Arc<dyn JobWriteSubject>) {
    let id = created(&*subject).await;
    let expected = job(JobStatus::QUEUED, "ann");
    assert_eq!(subject.job_writes().get(&id).await.unwrap(), Some(expected));
}

/// T1.
pub async fn create_does_not_touch_a_job_that_exists(subject: Arc<dyn JobWriteSubject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, Some("deps")).await;
    let again = subject.job_writes().create(&id, &new_job("bob")).await;
    assert!(matches!(again, Err(CreateJobError::Exists)), "{again:?}");
    let expected = job(JobStatus::DEPS, "ann");
    assert_eq!(subject.job_writes().get(&id).await.unwrap(), Some(expected));
}

/// T1: exactly one of many callers creates the job.
pub async fn of_many_creators_one_wins(subject: Arc<dyn JobWriteSubject>) {
    for _ in 0..20 {
        let id = subject.fresh_job();
        let creators = ["ann", "bob", "cid", "dan"].map(|owner| {
            let (jobs, id) = (subject.job_writes(), id.clone());
            tokio::spawn(async move {
                jobs.create(&id, &new_job(owner))
                    .await
                    .is_ok()
                    .then_some(owner)
            })
        });
        let mut winners = Vec::new();
        for creator in creators {
            winners.extend(creator.await.unwrap());
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let expected = job(JobStatus::QUEUED, winners[0]);
        assert_eq!(subject.job_writes().get(&id).await.unwrap(), Some(expected));
    }
}

/// T2 and T3: from each status to each.
pub async fn a_step_is_taken_exactly_where_it_is_allowed(subject: Arc<dyn JobWriteSubject>) {
    let id = created(&*subject).await;
    let jobs = subject.job_writes();
    let lifecycle = jobs.lifecycle();
    let unknown = lifecycle.status("paused");
    let statuses: Vec<_> = lifecycle.statuses().chain([&unknown]).cloned().collect();
    for from in &statuses {
        for to in &statuses {
            subject.set_status_raw(&id, Some(from.as_str())).await;
            let taken = subject
                .job_writes()
                .transition(&id, &step(to.clone()))
                .await;
            let now = status(&*subject, &id).await;
            match taken {
                Ok(before) => {
                    assert!(lifecycle.allows(from, to), "{from} → {to} was taken");
                    assert_eq!((&before, &now), (from, to));
                }
                Err(TransitionError::Illegal(refused)) => {
                    assert!(!lifecycle.allows(from, to), "{from} → {to} was refused");
                    assert_eq!((&refused.from, &refused.to, &now), (from, to, from));
                }
                Err(error) => panic!("{from} → {to}: {error}"),
            }
        }
    }
}

/// T2: each step returns the status before.
pub async fn a_job_walks_through_its_life(subject: Arc<dyn JobWriteSubject>) {
    use JobStatus as S;
    let id = created(&*subject).await;
    let path = [
        S::QUEUED,
        S::SCHEDULED,
        S::QUEUED,
        S::STARTING,
        S::SCAFFOLD,
        S::CODE,
        S::DEPS,
        S::CHECKS,
        S::SCAFFOLD,
        S::CODE,
        S::DEPS,
        S::CHECKS,
        S::READY,
    ];
    for pair in path.windows(2) {
        let before = subject
            .job_writes()
            .transition(&id, &step(pair[1].clone()))
            .await
            .unwrap();
        assert_eq!(before, pair[0]);
    }
    assert_eq!(
        subject.job_writes().get(&id).await.unwrap(),
        Some(job(S::READY, "ann"))
    );
}

/// T2.
pub async fn a_step_of_a_job_that_does_not_exist_is_not_found(subject: Arc<dyn JobWriteSubject>) {
    let id = subject.fresh_job();
    let taken = subject
        .job_writes()
        .transition(&id, &step(JobStatus::STARTING))
        .await;
    assert!(matches!(taken, Err(TransitionError::NotFound)), "{taken:?}");
    assert_eq!(subject.job_writes().get(&id).await.unwrap(), None);
}

/// T2: `queued` → `starting` and `queued` → `scheduled` exclude each other.
pub async fn of_two_racing_steps_one_wins_and_the_other_is_checked_again(
    subject: Arc<dyn JobWriteSubject>,
) {
    for _ in 0..50 {
        let id = created(&*subject).await;
        let racers = [JobStatus::STARTING, JobStatus::SCHEDULED].map(|to| {
            let (jobs, id) = (subject.job_writes(), id.clone());
            tokio::spawn(async move { (to.clone(), jobs.transition(&id, &step(to)).await) })
        });
        let mut won = Vec::new();
        let mut checked_against = Vec::new();
        for racer in racers {
            match racer.await.unwrap() {
                (to, Ok(before)) => {
                    assert_eq!(before, JobStatus::QUEUED);
                    won.push(to);
                }
                (_, Err(TransitionError::Illegal(refused))) => checked_against.push(refused.from),
                (to, Err(error)) => panic!("{to}: {error}"),
            }
        }
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(checked_against, won);
        assert_eq!(status(&*subject, &id).await, won[0]);
    }
}

/// T3.
pub async fn a_refused_step_leaves_the_job_as_it_is(subject: Arc<dyn JobWriteSubject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, Some("ready")).await;
    for to in [JobStatus::FAILED, JobStatus::QUEUED, JobStatus::READY] {
        let taken = subject.job_writes().transition(&id, &step(to)).await;
        assert!(
            matches!(taken, Err(TransitionError::Illegal(_))),
            "{taken:?}"
        );
        let expected = job(JobStatus::READY, "ann");
        assert_eq!(subject.job_writes().get(&id).await.unwrap(), Some(expected));
    }
}

/// T4.
pub async fn a_step_wakes_every_watch_of_the_job(subject: Arc<dyn JobWriteSubject>) {
    let id = created(&*subject).await;
    let jobs = subject.job_writes();
    let mut watches = [
        jobs.watch_job(&id),
        jobs.watch_job(&id),
        jobs.watch_job(&id),
    ];
    for watch in &mut watches {
        settle(&*subject, &mut **watch).await;
    }
    jobs.transition(&id, &step(JobStatus::STARTING))
        .await
        .unwrap();
    for watch in &mut watches {
        soon(&*subject, "a notice of the step", watch.changed()).await;
        let expected = job(JobStatus::STARTING, "ann");
        assert_eq!(watch.get().await.unwrap(), Some(expected));
    }
}

/// J5: before and after a step.
pub async fn the_details_of_a_job_are_what_its_producers_wrote(subject: Arc<dyn JobWriteSubject>) {
    let (jobs, id) = (subject.job_writes(), created(&*subject).await);
    let mut expected = JobDetails {
        created_at: Some(created_at().into()),
        ..JobDetails::from(job(JobStatus::QUEUED, "ann"))
    };
    assert_eq!(jobs.details(&id).await.unwrap().as_ref(), Some(&expected));
    jobs.transition(&id, &step(JobStatus::STARTING))
        .await
        .unwrap();
    expected.job.status = JobStatus::STARTING;
    expected.updated_at = Some((created_at() + LATER).into());
    expected.status_message = Some("as planned".into());
    assert_eq!(jobs.details(&id).await.unwrap(), Some(expected));
}

/// T1: whatever the names of further fields are.
pub async fn a_job_begins_with_what_it_was_created_with(subject: Arc<dyn JobWriteSubject>) {
    let (jobs, id) = (subject.job_writes(), subject.fresh_job());
    let new = NewJob {
        org: OrgId::new("org_1"),
        status: JobStatus::SCHEDULED,
        fields: vec![
            ("tier".into(), "pro".into()),
            ("status".into(), "ready".into()),
        ],
        ..new_job("ann")
    };
    jobs.create(&id, &new).await.unwrap();
    let details = jobs.details(&id).await.unwrap().unwrap();
    let expected = Job {
        org: OrgId::new("org_1"),
        ..job(JobStatus::SCHEDULED, "ann")
    };
    assert_eq!(details.job, expected);
    assert_eq!(details.created_at, Some(created_at().into()));
}
