//! J3, T2, C3, C4 and C6 for a store whose jobs have statuses of the host's own.

use std::time::{Duration, SystemTime};

use log_domain::{JobStatus, Lifecycle};

use super::job_writes::step;
use crate::conformance::subject::{fresh_job, new_job};
use crate::{ClaimError, RunClaims, RunId, TransitionError};

/// A lifecycle that differs from the contract's in everything it can: `queued` → `waiting` → `running` → `ready`, with
/// `cancelled` from each of them, and `failed` only from `running`.
///
/// # Panics
/// Never: it is a constant.
#[must_use]
pub fn example() -> Lifecycle {
    let [waiting, running] = ["waiting", "running"].map(|name| JobStatus::new(name).unwrap());
    let cancelled = JobStatus::terminal("cancelled").unwrap();
    Lifecycle::builder()
        .steps(&JobStatus::QUEUED, [&waiting])
        .steps(&waiting, [&running])
        .steps(&running, [&JobStatus::READY, &JobStatus::FAILED])
        .from_all(&cancelled)
        .build()
        .unwrap()
}

/// Holds a store to [`example`], which it was made with.
///
/// # Panics
/// Where it does not keep it.
pub async fn a_store_keeps_a_lifecycle_of_its_own(store: &dyn RunClaims) {
    assert_eq!(*store.lifecycle(), example());
    let cancelled = JobStatus::terminal("cancelled").unwrap();
    let job = fresh_job();
    store.create(&job, &new_job("ann")).await.unwrap();
    let refused = store.transition(&job, &step(JobStatus::FAILED)).await;
    match refused.unwrap_err() {
        TransitionError::Illegal(refused) => assert_eq!(
            refused.to_string(),
            "a job that is `queued` cannot become `failed`, only `waiting` or `cancelled`"
        ),
        error => panic!("{error}"),
    }
    let run = RunId::from(1);
    let lease = Duration::from_secs(60);
    store.claim(&job, &run, lease).await.unwrap();
    // Who names the status need not know that it is terminal.
    let end = step(JobStatus::parse("cancelled"));
    let before = store.step(&job, &run, &end).await.unwrap();
    assert_eq!(before, JobStatus::QUEUED);
    assert_eq!(store.get(&job).await.unwrap().unwrap().status, cancelled);
    assert_eq!(store.claimant(&job).await.unwrap(), None, "C4");
    let again = store.claim(&job, &RunId::from(2), lease).await;
    assert!(
        matches!(again, Err(ClaimError::Ended(status)) if status == cancelled),
        "C3"
    );
    a_lost_run_fails_by_allowed_steps(store).await;
}

async fn a_lost_run_fails_by_allowed_steps(store: &dyn RunClaims) {
    let (job, run) = (fresh_job(), RunId::from(3));
    store.create(&job, &new_job("ann")).await.unwrap();
    let lease = Duration::from_millis(1);
    store.claim(&job, &run, lease).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(
        store.end_lost(&job, &run, SystemTime::now()).await.unwrap(),
        "C6"
    );
    let status = store.get(&job).await.unwrap().unwrap().status;
    assert_eq!(status, JobStatus::FAILED);
}
