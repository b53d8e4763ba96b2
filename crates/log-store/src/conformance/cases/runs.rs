//! C1 to C7.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{JobId, JobStatus};
use tokio::time::sleep;

use super::job_writes::step;
use super::jobs::{created, status};
use crate::conformance::subject::RunSubject;
use crate::conformance::support::{poll_once, soon};
use crate::{Claim, ClaimError, Lease, RunId, TransitionError};

/// Longer than any case takes.
const LONG: Duration = Duration::from_secs(600);

/// A lease that lapses at once.
const SHORT: Duration = Duration::from_millis(1);

/// When the suite ends lost jobs.
/// When a job ends. No case reads it.
const AT: SystemTime = SystemTime::UNIX_EPOCH;

/// More claims than there are.
const ALL: usize = 100_000;

fn run(name: &str) -> RunId {
    name.parse().unwrap()
}

/// A job whose run `a` has lost it.
async fn lost(subject: &dyn RunSubject) -> JobId {
    let job = created(subject).await;
    let claims = subject.runs();
    claims.claim(&job, &run("a"), SHORT).await.unwrap();
    let lapses = async {
        while claimant(subject, &job)
            .await
            .unwrap()
            .lease
            .lapsed_ago()
            .is_none()
        {
            sleep(Duration::from_millis(2)).await;
        }
    };
    soon(subject, "the end of a lease", lapses).await;
    job
}

async fn claimant(subject: &dyn RunSubject, job: &JobId) -> Option<Claim> {
    subject.runs().claimant(job).await.unwrap()
}

/// Whether a job is among those whose claims have lapsed.
async fn is_listed(subject: &dyn RunSubject, job: &JobId) -> bool {
    let lapsed = subject.runs().lapsed(ALL).await.unwrap();
    lapsed.iter().any(|(found, _)| found == job)
}

/// C1.
pub async fn a_claimed_job_is_refused_to_other_runs(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    assert_eq!(claimant(&*subject, &job).await, None);
    let claims = subject.runs();
    claims.claim(&job, &run("a"), LONG).await.unwrap();
    let again = claims.claim(&job, &run("b"), LONG).await;
    let Err(ClaimError::Held(claim)) = again else {
        panic!("{again:?}");
    };
    assert_eq!(claim.run, run("a"));
    let Lease::Held { left } = claim.lease else {
        panic!("{claim:?}");
    };
    assert!(left <= LONG && left > LONG / 2, "{left:?}");
    let found = claimant(&*subject, &job).await.unwrap();
    assert_eq!(found.run, run("a"));
}

/// C1: a lapsed claim is still a claim.
pub async fn a_job_of_a_lost_run_is_refused_to_other_runs(subject: Arc<dyn RunSubject>) {
    let job = lost(&*subject).await;
    let again = subject.runs().claim(&job, &run("b"), LONG).await;
    let Err(ClaimError::Held(claim)) = again else {
        panic!("{again:?}");
    };
    assert!(claim.lease.lapsed_ago().is_some(), "{claim:?}");
}

/// C1.
pub async fn of_many_runs_that_claim_a_job_one_gets_it(subject: Arc<dyn RunSubject>) {
    for _ in 0..20 {
        let job = created(&*subject).await;
        let runs = ["a", "b", "c", "d"].map(|name| {
            let (claims, job) = (subject.runs(), job.clone());
            tokio::spawn(async move { claims.claim(&job, &run(name), LONG).await.is_ok() })
        });
        let mut winners = 0;
        for claimed in runs {
            winners += u32::from(claimed.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

/// C2.
pub async fn a_claim_is_renewed_by_its_run(subject: Arc<dyn RunSubject>) {
    let job = lost(&*subject).await;
    let claims = subject.runs();
    claims.claim(&job, &run("a"), LONG).await.unwrap();
    let lease = claimant(&*subject, &job).await.unwrap().lease;
    assert_eq!(lease.lapsed_ago(), None);
    assert!(!is_listed(&*subject, &job).await);
    // A shorter lease replaces a longer one.
    claims
        .claim(&job, &run("a"), Duration::from_secs(60))
        .await
        .unwrap();
    let lease = claimant(&*subject, &job).await.unwrap().lease;
    assert!(matches!(lease, Lease::Held { left } if left <= Duration::from_secs(60)));
}

/// C3.
pub async fn a_job_that_is_missing_or_has_ended_is_not_claimed(subject: Arc<dyn RunSubject>) {
    let claims = subject.runs();
    let missing = subject.fresh_job();
    let claimed = claims.claim(&missing, &run("a"), LONG).await;
    assert!(matches!(claimed, Err(ClaimError::NotFound)), "{claimed:?}");
    for ended in [JobStatus::READY, JobStatus::FAILED] {
        let job = created(&*subject).await;
        claims.claim(&job, &run("a"), LONG).await.unwrap();
        subject.set_status_raw(&job, Some(ended.as_str())).await;
        for name in ["a", "b"] {
            let claimed = claims.claim(&job, &run(name), LONG).await;
            let Err(ClaimError::Ended(found)) = claimed else {
                panic!("{claimed:?}");
            };
            assert_eq!(found, ended);
        }
    }
}

/// C4.
pub async fn only_the_run_that_has_the_job_takes_a_step_as_a_run(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    let claims = subject.runs();
    claims.claim(&job, &run("a"), LONG).await.unwrap();
    let refused = claims
        .step(&job, &run("b"), &step(JobStatus::STARTING))
        .await;
    assert!(
        matches!(refused, Err(TransitionError::Claimed)),
        "{refused:?}"
    );
    assert_eq!(status(&*subject, &job).await, JobStatus::QUEUED);
    let before = claims
        .step(&job, &run("a"), &step(JobStatus::STARTING))
        .await;
    assert_eq!(before.unwrap(), JobStatus::QUEUED);
    // A producer that knows nothing of claims works as before.
    let before = subject
        .job_writes()
        .transition(&job, &step(JobStatus::SCAFFOLD))
        .await;
    assert_eq!(before.unwrap(), JobStatus::STARTING);
    let illegal = claims.step(&job, &run("a"), &step(JobStatus::READY)).await;
    assert!(
        matches!(illegal, Err(TransitionError::Illegal(_))),
        "{illegal:?}"
    );
    let missing = subject.fresh_job();
    let refused = claims
        .step(&missing, &run("a"), &step(JobStatus::STARTING))
        .await;
    assert!(
        matches!(refused, Err(TransitionError::NotFound)),
        "{refused:?}"
    );
}

/// C4: the claim was lost with the store's data, or released; nobody else has it.
pub async fn a_run_takes_a_step_while_nobody_has_the_job(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    let claims = subject.runs();
    claims
        .step(&job, &run("a"), &step(JobStatus::STARTING))
        .await
        .unwrap();
    assert_eq!(status(&*subject, &job).await, JobStatus::STARTING);
}

/// C4.
pub async fn a_step_that_ends_the_job_releases_the_claim(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    let claims = subject.runs();
    claims.claim(&job, &run("a"), LONG).await.unwrap();
    claims
        .step(&job, &run("a"), &step(JobStatus::STARTING))
        .await
        .unwrap();
    assert!(claimant(&*subject, &job).await.is_some());
    claims
        .step(&job, &run("a"), &step(JobStatus::FAILED))
        .await
        .unwrap();
    assert_eq!(claimant(&*subject, &job).await, None);
}

/// C4: the end of a run and that of the watchers of lost runs exclude each other.
pub async fn of_the_end_of_a_run_and_of_a_lost_run_one_wins(subject: Arc<dyn RunSubject>) {
    for _ in 0..20 {
        let job = lost(&*subject).await;
        subject.set_status_raw(&job, Some("checks")).await;
        let (claims, id) = (subject.runs(), job.clone());
        let end = async move {
            claims
                .step(&id, &run("a"), &step(JobStatus::READY))
                .await
                .is_ok()
        };
        let (claims, id) = (subject.runs(), job.clone());
        let lose = async move { claims.end_lost(&id, &run("a"), AT).await.unwrap() };
        let (ended, was_lost) = (tokio::spawn(end), tokio::spawn(lose));
        let (ended, was_lost) = (ended.await.unwrap(), was_lost.await.unwrap());
        assert_ne!(ended, was_lost);
        let expected = if ended {
            JobStatus::READY
        } else {
            JobStatus::FAILED
        };
        assert_eq!(status(&*subject, &job).await, expected);
    }
}

/// C5.
pub async fn a_lapsed_claim_is_found_and_a_held_one_is_not(subject: Arc<dyn RunSubject>) {
    let (held, lapsed) = (created(&*subject).await, lost(&*subject).await);
    subject.runs().claim(&held, &run("b"), LONG).await.unwrap();
    let listed = async {
        while !is_listed(&*subject, &lapsed).await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    soon(&*subject, "a lapsed claim in the list", listed).await;
    // To look changes nothing.
    assert!(is_listed(&*subject, &lapsed).await);
    assert!(!is_listed(&*subject, &held).await);
}

/// C5: a run that renewed its claim for a while, and is then lost.
pub async fn a_claim_that_lapses_after_renewals_is_found(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    let claims = subject.runs();
    for _ in 0..10 {
        claims
            .claim(&job, &run("a"), Duration::from_millis(50))
            .await
            .unwrap();
        subject.runs().lapsed(ALL).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    let listed = async {
        while !is_listed(&*subject, &job).await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    soon(&*subject, "a lapsed claim in the list", listed).await;
}

/// C6.
pub async fn a_job_of_a_lost_run_ends_failed(subject: Arc<dyn RunSubject>) {
    for before in ["queued", "scheduled", "code", "paused"] {
        let job = lost(&*subject).await;
        subject.set_status_raw(&job, Some(before)).await;
        assert!(
            subject.runs().end_lost(&job, &run("a"), AT).await.unwrap(),
            "{before}"
        );
        assert_eq!(status(&*subject, &job).await, JobStatus::FAILED, "{before}");
        assert_eq!(claimant(&*subject, &job).await, None);
        assert!(!is_listed(&*subject, &job).await);
    }
}

/// C6: of many watchers in any processes, one ends the job.
pub async fn a_lost_run_is_ended_once(subject: Arc<dyn RunSubject>) {
    for _ in 0..20 {
        let job = lost(&*subject).await;
        let watchers = [(); 4].map(|()| {
            let (claims, job) = (subject.runs(), job.clone());
            tokio::spawn(async move { claims.end_lost(&job, &run("a"), AT).await.unwrap() })
        });
        let mut ended = 0;
        for watcher in watchers {
            ended += u32::from(watcher.await.unwrap());
        }
        assert_eq!(ended, 1);
    }
}

/// C6: the lease is held, the job is another run's, or was never claimed.
pub async fn a_job_that_was_not_lost_is_not_ended(subject: Arc<dyn RunSubject>) {
    let claims = subject.runs();
    let held = created(&*subject).await;
    claims.claim(&held, &run("a"), LONG).await.unwrap();
    let other = lost(&*subject).await;
    let never = created(&*subject).await;
    for (job, name) in [(&held, "a"), (&other, "b"), (&never, "a")] {
        assert!(!claims.end_lost(job, &run(name), AT).await.unwrap());
        assert_eq!(status(&*subject, job).await, JobStatus::QUEUED);
    }
    assert!(claimant(&*subject, &held).await.is_some());
    assert!(claimant(&*subject, &other).await.is_some());
}

/// C6.
pub async fn a_job_that_has_ended_or_is_gone_is_not_ended_again(subject: Arc<dyn RunSubject>) {
    let claims = subject.runs();
    let ready = lost(&*subject).await;
    subject.set_status_raw(&ready, Some("ready")).await;
    assert!(!claims.end_lost(&ready, &run("a"), AT).await.unwrap());
    assert_eq!(status(&*subject, &ready).await, JobStatus::READY);
    let gone = lost(&*subject).await;
    subject.delete_job(&gone).await;
    assert!(!claims.end_lost(&gone, &run("a"), AT).await.unwrap());
    assert_eq!(subject.jobs().get(&gone).await.unwrap(), None);
}

/// C6 and T4.
pub async fn the_end_of_a_lost_run_wakes_every_watch_of_the_job(subject: Arc<dyn RunSubject>) {
    let job = lost(&*subject).await;
    let mut watch = subject.jobs().watch_job(&job);
    watch.get().await.unwrap();
    while poll_once(watch.changed()).await.is_some() {
        watch.get().await.unwrap();
    }
    assert!(subject.runs().end_lost(&job, &run("a"), AT).await.unwrap());
    soon(&*subject, "a notice of the end", watch.changed()).await;
    let seen = watch.get().await.unwrap().unwrap();
    assert_eq!(seen.status, JobStatus::FAILED);
}

/// C7.
pub async fn a_released_job_is_free_for_another_run(subject: Arc<dyn RunSubject>) {
    let job = created(&*subject).await;
    let claims = subject.runs();
    claims.claim(&job, &run("a"), LONG).await.unwrap();
    claims.release(&job, &run("b")).await.unwrap();
    assert_eq!(claimant(&*subject, &job).await.unwrap().run, run("a"));
    claims.release(&job, &run("a")).await.unwrap();
    assert_eq!(claimant(&*subject, &job).await, None);
    claims.claim(&job, &run("b"), LONG).await.unwrap();
}
