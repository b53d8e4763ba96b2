//! J1 to J5, and W1, W2, W5 and W7 for jobs.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{Job, JobId, JobStatus, OrgId, UserId};
use tokio::time::timeout;

use crate::JobWatch;
use crate::conformance::subject::JobSubject;
use crate::conformance::support::{SHORT, poll_once, soon};

pub(super) fn job(status: JobStatus, owner: &str) -> Job {
    Job {
        status,
        owner: UserId::new(owner),
        org: None,
    }
}

pub(super) async fn created(subject: &dyn JobSubject) -> JobId {
    let id = subject.fresh_job();
    subject.put_job(&id, "ann").await;
    id
}

pub(super) async fn status(subject: &dyn JobSubject, id: &JobId) -> JobStatus {
    subject.jobs().get(id).await.unwrap().unwrap().status
}

/// J1.
pub async fn a_job_that_does_not_exist_is_none(subject: Arc<dyn JobSubject>) {
    let id = subject.fresh_job();
    assert_eq!(subject.jobs().get(&id).await.unwrap(), None);
    let id = created(&*subject).await;
    subject.delete_job(&id).await;
    assert_eq!(subject.jobs().get(&id).await.unwrap(), None);
    subject.jobs().ping_jobs().await.unwrap();
}

/// J2.
pub async fn a_record_without_an_owner_reads_as_a_job_without_one(subject: Arc<dyn JobSubject>) {
    let id = created(&*subject).await;
    subject.remove_owner(&id).await;
    let expected = job(JobStatus::QUEUED, "");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// J4.
pub async fn an_organisation_reads_as_the_jobs_beside_its_owner_and_without_one(
    subject: Arc<dyn JobSubject>,
) {
    let id = created(&*subject).await;
    let org = async |subject: &dyn JobSubject| subject.jobs().get(&id).await.unwrap().unwrap().org;
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
pub async fn an_unknown_status_reads_as_one_that_is_not_terminal(subject: Arc<dyn JobSubject>) {
    let id = created(&*subject).await;
    for text in ["paused", "READY", " ready", "\u{e9}"] {
        subject.set_status_raw(&id, Some(text)).await;
        let read = status(&*subject, &id).await;
        assert_eq!((read.as_str(), read.is_terminal()), (text, false));
    }
}

/// J3.
pub async fn a_missing_status_reads_as_an_empty_text(subject: Arc<dyn JobSubject>) {
    let id = created(&*subject).await;
    subject.set_status_raw(&id, None).await;
    let expected = job(JobStatus::parse(""), "ann");
    assert_eq!(subject.jobs().get(&id).await.unwrap(), Some(expected));
}

/// W1.
pub async fn the_first_changed_of_a_job_returns_at_once(subject: Arc<dyn JobSubject>) {
    let within = Duration::from_secs(2);
    for id in [subject.fresh_job(), created(&*subject).await] {
        let mut watch = subject.jobs().watch_job(&id);
        assert!(timeout(within, watch.changed()).await.is_ok());
    }
}

/// Reads until no notice comes for a moment.
pub(super) async fn settle(subject: &dyn JobSubject, watch: &mut dyn JobWatch) {
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

async fn wakes(
    subject: &dyn JobSubject,
    id: &JobId,
    change: impl Future<Output = ()>,
) -> Option<Job> {
    let mut watch = subject.jobs().watch_job(id);
    settle(subject, &mut *watch).await;
    change.await;
    soon(subject, "a notice of the change", watch.changed()).await;
    watch.get().await.unwrap()
}

/// W2: a job is created, gets another status, loses its owner, is deleted, and is created again.
pub async fn any_change_of_a_job_wakes_a_watch(subject: Arc<dyn JobSubject>) {
    let id = subject.fresh_job();
    let seen = wakes(&*subject, &id, subject.put_job(&id, "ann")).await;
    assert_eq!(seen, Some(job(JobStatus::QUEUED, "ann")));
    let seen = wakes(&*subject, &id, subject.set_status_raw(&id, Some("ready"))).await;
    assert_eq!(seen, Some(job(JobStatus::READY, "ann")));
    let seen = wakes(&*subject, &id, subject.remove_owner(&id)).await;
    assert_eq!(seen, Some(job(JobStatus::READY, "")));
    let seen = wakes(&*subject, &id, subject.delete_job(&id)).await;
    assert_eq!(seen, None);
    let seen = wakes(&*subject, &id, subject.put_job(&id, "bob")).await;
    assert_eq!(seen, Some(job(JobStatus::QUEUED, "bob")));
}

/// W2: the change comes during a read. The reader reads without a pause until the change is done.
pub async fn a_change_of_a_job_that_races_a_read_is_not_missed(subject: Arc<dyn JobSubject>) {
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
pub async fn a_dropped_changed_of_a_job_loses_no_notice(subject: Arc<dyn JobSubject>) {
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

/// W5: the reader has other things to do, and never waits for long. A watch that polls, and begins its pause anew with each
/// future, would never give a notice.
pub async fn a_reader_of_a_job_that_waits_in_short_steps_gets_its_notice(
    subject: Arc<dyn JobSubject>,
) {
    let id = created(&*subject).await;
    let mut watch = subject.jobs().watch_job(&id);
    settle(&*subject, &mut *watch).await;
    subject.set_status_raw(&id, Some("ready")).await;
    let in_short_steps = async { while timeout(SHORT, watch.changed()).await.is_err() {} };
    soon(&*subject, "a notice in short steps", in_short_steps).await;
    let found = watch.get().await.unwrap().unwrap();
    assert_eq!(found.status, JobStatus::READY);
}

/// J5: also one whose record has neither a status nor an owner is a job.
pub async fn a_job_that_does_not_exist_has_no_details(subject: Arc<dyn JobSubject>) {
    let (jobs, id) = (subject.jobs(), subject.fresh_job());
    assert_eq!(jobs.details(&id).await.unwrap(), None);
    let id = created(&*subject).await;
    subject.set_status_raw(&id, None).await;
    subject.remove_owner(&id).await;
    let details = jobs.details(&id).await.unwrap().unwrap();
    assert_eq!(details.job, job(JobStatus::parse(""), ""));
    subject.delete_job(&id).await;
    assert_eq!(jobs.details(&id).await.unwrap(), None);
}

/// W7.
pub async fn a_dropped_watch_of_a_job_frees_its_resources(subject: Arc<dyn JobSubject>) {
    let before = subject.watched();
    for _ in 0..100 {
        let mut watch = subject.jobs().watch_job(&subject.fresh_job());
        watch.get().await.unwrap();
        poll_once(watch.changed()).await;
    }
    let freed = async {
        while subject.watched() > before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(&*subject, "everything freed", freed).await;
}

/// R8.
pub async fn a_dropped_read_of_a_job_leaves_the_store_working(subject: Arc<dyn JobSubject>) {
    let id = created(&*subject).await;
    for _ in 0..300 {
        poll_once(subject.jobs().get(&id)).await;
        poll_once(subject.jobs().details(&id)).await;
    }
    assert!(subject.jobs().get(&id).await.unwrap().is_some());
}
