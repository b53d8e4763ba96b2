//! J1 to J4, T1 to T4, and W1, W2 and W5 for jobs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{Job, JobId, JobStatus, OrgId, UserId};
use tokio::time::timeout;

use crate::conformance::subject::Subject;
use crate::conformance::support::{poll_once, soon};
use crate::{CreateJobError, JobWatch, NewJob, Transition, TransitionError};

pub(super) fn new_job(owner: &str) -> NewJob {
    NewJob::new(UserId::new(owner).unwrap(), "2026-01-02T03:04:05Z".into())
}

pub(super) fn step(to: JobStatus) -> Transition {
    Transition {
        to,
        message: "as planned".into(),
        at: "2026-01-02T03:04:06Z".into(),
    }
}

pub(super) fn job(status: JobStatus, owner: &str) -> Job {
    Job {
        status,
        owner: UserId::new(owner),
        org: None,
    }
}

pub(super) async fn created(subject: &dyn Subject) -> JobId {
    let id = subject.fresh_job();
    subject.jobs().create(&id, &new_job("ann")).await.unwrap();
    id
}

async fn status(subject: &dyn Subject, id: &JobId) -> JobStatus {
    subject.jobs().get(id).await.unwrap().unwrap().status
}

/// J1.
pub async fn a_job_that_does_not_exist_is_none(subject: Arc<dyn Subject>) {
    let id = subject.fresh_job();
    assert_eq!(subject.jobs().get(&id).await.unwrap(), None);
    let id = created(&*subject).await;
    subject.delete_job(&id).await;
    assert_eq!(subject.jobs().get(&id).await.unwrap(), None);
    subject.jobs().ping_jobs().await.unwrap();
}

/// J2.
pub async fn a_record_without_an_owner_reads_as_a_job_without_one(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    subject.remove_owner(&id).await;
    let expected = job(JobStatus::QUEUED, "");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// J4.
pub async fn an_organisation_reads_as_the_jobs_beside_its_owner_and_without_one(
    subject: Arc<dyn Subject>,
) {
    let id = created(&*subject).await;
    let org = async |subject: &dyn Subject| subject.jobs().get(&id).await.unwrap().unwrap().org;
    assert_eq!(org(&*subject).await, None);
    subject.set_org_raw(&id, Some("org_1")).await;
    assert_eq!(org(&*subject).await, OrgId::new("org_1"));
    subject.remove_owner(&id).await;
    let read = subject.jobs().get(&id).await.unwrap().unwrap();
    assert_eq!((read.owner, read.org), (None, OrgId::new("org_1")));
    subject.set_org_raw(&id, Some("")).await;
    assert_eq!(org(&*subject).await, None);
}

/// J3.
pub async fn an_unknown_status_reads_as_one_that_is_not_terminal(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    for text in ["paused", "READY", " ready", "\u{e9}"] {
        subject.set_status_raw(&id, Some(text)).await;
        let read = status(&*subject, &id).await;
        assert_eq!((read.as_str(), read.is_terminal()), (text, false));
    }
}

/// J3.
pub async fn a_missing_status_reads_as_an_empty_text(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, None).await;
    let expected = job(JobStatus::parse(""), "ann");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// T1.
pub async fn a_job_begins_queued(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    let expected = job(JobStatus::QUEUED, "ann");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// T1.
pub async fn create_does_not_touch_a_job_that_exists(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, Some("deps")).await;
    let again = subject.jobs().create(&id, &new_job("bob")).await;
    assert!(matches!(again, Err(CreateJobError::Exists)), "{again:?}");
    let expected = job(JobStatus::DEPS, "ann");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// T1: exactly one of many callers creates the job.
pub async fn of_many_creators_one_wins(subject: Arc<dyn Subject>) {
    for _ in 0..20 {
        let id = subject.fresh_job();
        let creators = ["ann", "bob", "cid", "dan"].map(|owner| {
            let (jobs, id) = (subject.jobs(), id.clone());
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
        assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
    }
}

/// T2 and T3: from each status to each.
pub async fn a_step_is_taken_exactly_where_it_is_allowed(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    let jobs = subject.jobs();
    let lifecycle = jobs.lifecycle();
    let unknown = lifecycle.status("paused");
    let statuses: Vec<_> = lifecycle.statuses().chain([&unknown]).cloned().collect();
    for from in &statuses {
        for to in &statuses {
            subject.set_status_raw(&id, Some(from.as_str())).await;
            let taken = subject.jobs().transition(&id, &step(to.clone())).await;
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
pub async fn a_job_walks_through_its_life(subject: Arc<dyn Subject>) {
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
            .jobs()
            .transition(&id, &step(pair[1].clone()))
            .await
            .unwrap();
        assert_eq!(before, pair[0]);
    }
    assert_eq!(
        subject.jobs().get(&id).await.unwrap(),
        Some(job(S::READY, "ann"))
    );
}

/// T2.
pub async fn a_step_of_a_job_that_does_not_exist_is_not_found(subject: Arc<dyn Subject>) {
    let id = subject.fresh_job();
    let taken = subject
        .jobs()
        .transition(&id, &step(JobStatus::STARTING))
        .await;
    assert!(matches!(taken, Err(TransitionError::NotFound)), "{taken:?}");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), None);
}

/// T2: `queued` → `starting` and `queued` → `scheduled` exclude each other.
pub async fn of_two_racing_steps_one_wins_and_the_other_is_checked_again(
    subject: Arc<dyn Subject>,
) {
    for _ in 0..50 {
        let id = created(&*subject).await;
        let racers = [JobStatus::STARTING, JobStatus::SCHEDULED].map(|to| {
            let (jobs, id) = (subject.jobs(), id.clone());
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
pub async fn a_refused_step_leaves_the_job_as_it_is(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, Some("ready")).await;
    for to in [JobStatus::FAILED, JobStatus::QUEUED, JobStatus::READY] {
        let taken = subject.jobs().transition(&id, &step(to)).await;
        assert!(
            matches!(taken, Err(TransitionError::Illegal(_))),
            "{taken:?}"
        );
        let expected = job(JobStatus::READY, "ann");
        assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
    }
}

/// T4.
pub async fn a_step_wakes_every_watch_of_the_job(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    let jobs = subject.jobs();
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

/// W1.
pub async fn the_first_changed_of_a_job_returns_at_once(subject: Arc<dyn Subject>) {
    let within = Duration::from_secs(2);
    for id in [subject.fresh_job(), created(&*subject).await] {
        let mut watch = subject.jobs().watch_job(&id);
        assert!(timeout(within, watch.changed()).await.is_ok());
    }
}

/// Reads until no notice comes for a moment.
async fn settle(subject: &dyn Subject, watch: &mut dyn JobWatch) {
    for _ in 0..100 {
        if timeout(subject.quiet_time(), watch.changed())
            .await
            .is_err()
        {
            return;
        }
        watch.get().await.unwrap();
    }
    panic!("a notice again and again while nothing happens: such a watch is a busy loop");
}

async fn wakes(subject: &dyn Subject, id: &JobId, change: impl Future<Output = ()>) -> Option<Job> {
    let mut watch = subject.jobs().watch_job(id);
    settle(subject, &mut *watch).await;
    change.await;
    soon(subject, "a notice of the change", watch.changed()).await;
    watch.get().await.unwrap()
}

/// W2: a job is created, gets another status, loses its owner, is deleted, and is created again.
pub async fn any_change_of_a_job_wakes_a_watch(subject: Arc<dyn Subject>) {
    let (jobs, id) = (subject.jobs(), subject.fresh_job());
    let create = async { jobs.create(&id, &new_job("ann")).await.unwrap() };
    let seen = wakes(&*subject, &id, create).await;
    assert_eq!(seen, Some(job(JobStatus::QUEUED, "ann")));
    let seen = wakes(&*subject, &id, subject.set_status_raw(&id, Some("ready"))).await;
    assert_eq!(seen, Some(job(JobStatus::READY, "ann")));
    let seen = wakes(&*subject, &id, subject.remove_owner(&id)).await;
    assert_eq!(seen, Some(job(JobStatus::READY, "")));
    let seen = wakes(&*subject, &id, subject.delete_job(&id)).await;
    assert_eq!(seen, None);
    let create = async { jobs.create(&id, &new_job("bob")).await.unwrap() };
    let seen = wakes(&*subject, &id, create).await;
    assert_eq!(seen, Some(job(JobStatus::QUEUED, "bob")));
}

/// W2: the change comes during a read. The reader reads without a pause until the change is done.
pub async fn a_change_of_a_job_that_races_a_read_is_not_missed(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    let mut watch = subject.jobs().watch_job(&id);
    for round in 0..200_u64 {
        let expected = format!("status-{round}");
        let (behind, changed, text) = (Arc::clone(&subject), id.clone(), expected.clone());
        let change =
            tokio::spawn(async move { behind.set_status_raw(&changed, Some(&text)).await });
        while watch.get().await.unwrap().unwrap().status.as_str() != expected {
            if change.is_finished() {
                let notified = watch.changed();
                soon(
                    &*subject,
                    "a notice of a change that raced a read",
                    notified,
                )
                .await;
            }
        }
        change.await.unwrap();
    }
}

/// W5: futures of `changed` are dropped around a change.
pub async fn a_dropped_changed_of_a_job_loses_no_notice(subject: Arc<dyn Subject>) {
    let id = created(&*subject).await;
    let mut watch = subject.jobs().watch_job(&id);
    for round in 0..200_u64 {
        watch.get().await.unwrap();
        let expected = format!("status-{round}");
        let (behind, changed, text) = (Arc::clone(&subject), id.clone(), expected.clone());
        let change =
            tokio::spawn(async move { behind.set_status_raw(&changed, Some(&text)).await });
        let pause = Duration::from_micros(round % 50 * 10);
        let notified = poll_once(watch.changed()).await.is_some()
            || timeout(pause, watch.changed()).await.is_ok();
        change.await.unwrap();
        let reached = async {
            // After a notice the reader reads first.
            if !notified {
                watch.changed().await;
            }
            while watch.get().await.unwrap().unwrap().status.as_str() != expected {
                watch.changed().await;
            }
        };
        soon(&*subject, "the new status", reached).await;
    }
}
