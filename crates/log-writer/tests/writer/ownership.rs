//! A writer that owns its job: the claim, and the end of the job whatever happens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::JobStatus;
use log_store::{ClaimError, RunClaims, TransitionError};
use log_writer::{LEASE, LogWriter, Outcome, ScopeError, Stores};
use tokio::time::sleep;

use crate::support::{Store, job, status, store, store_with_job, texts};

fn writer(store: &Arc<Store>) -> LogWriter {
    LogWriter::builder(job(), Arc::clone(store))
        .start()
        .unwrap()
}

async fn claimed(store: &Arc<Store>) -> LogWriter {
    let writer = writer(store);
    writer.claim(Arc::clone(store) as _).await.unwrap();
    writer
}

async fn is_claimed(store: &Store) -> bool {
    let claim = store.inner().claimant(&job()).await.unwrap();
    claim.is_some_and(|claim| claim.lease.lapsed_ago().is_none())
}

/// Waits until the job has a status.
async fn becomes(store: &Store, expected: &JobStatus) {
    while status(store).await != *expected {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_claimed_by_one_writer_until_it_has_ended() {
    let store = store_with_job().await;
    let first = claimed(&store).await;
    let second = writer(&store);
    let refused = second.claim(Arc::clone(&store) as _).await;
    assert!(matches!(refused, Err(ClaimError::Held(_))), "{refused:?}");
    first.enter(JobStatus::STARTING, "First").await.unwrap();
    first.finish(Outcome::Ready, "Done").await.unwrap();
    assert_eq!(status(&store).await, JobStatus::READY);
    assert!(!is_claimed(&store).await);
    let refused = second.claim(Arc::clone(&store) as _).await;
    assert!(matches!(refused, Err(ClaimError::Ended(_))), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_renewed_as_long_as_the_writer_lives() {
    let store = store_with_job().await;
    let writer = claimed(&store).await;
    for _ in 0..20 {
        sleep(LEASE / 2).await;
        assert!(is_claimed(&store).await);
    }
    writer.finish(Outcome::Failed, "Done").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_claim_is_renewed_within_seconds() {
    let store = store_with_job().await;
    let writer = claimed(&store).await;
    store.faults().cut();
    sleep(10 * LEASE).await;
    assert!(!is_claimed(&store).await);
    store.faults().mend();
    sleep(Duration::from_secs(3)).await;
    assert!(is_claimed(&store).await);
    writer.finish(Outcome::Failed, "Done").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_taken_for_lost_does_not_change_the_job_any_more() {
    let store = store_with_job().await;
    let writer = claimed(&store).await;
    store.faults().cut();
    sleep(2 * LEASE).await;
    let claim = store.inner().claimant(&job()).await.unwrap().unwrap();
    assert!(
        store
            .inner()
            .end_lost(&job(), &claim.run, SystemTime::now())
            .await
            .unwrap()
    );
    store.faults().mend();
    let error = writer.finish(Outcome::Ready, "Done").await.unwrap_err();
    assert!(
        matches!(error.source, TransitionError::Illegal(_)),
        "{error}"
    );
    assert_eq!(status(&store).await, JobStatus::FAILED);
}

#[tokio::test(start_paused = true)]
async fn a_claimed_writer_that_is_dropped_appends_its_lines_and_ends_the_job_as_failed() {
    let store = store_with_job().await;
    let writer = claimed(&store).await;
    writer.system("the last line").await;
    drop(writer);
    becomes(&store, &JobStatus::FAILED).await;
    assert_eq!(texts(&store).await, ["the last line"]);
    assert!(!is_claimed(&store).await);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_has_claimed_nothing_leaves_the_job_as_it_is_when_it_is_dropped() {
    let store = store_with_job().await;
    drop(writer(&store));
    sleep(LEASE).await;
    assert_eq!(status(&store).await, JobStatus::QUEUED);
}

#[tokio::test(start_paused = true)]
async fn work_that_fails_ends_the_job_with_its_error() {
    let store = store_with_job().await;
    let worked = writer(&store)
        .scope("Done", async |writer| {
            writer.system("at work").await;
            Err::<Outcome, _>("no space left on the device")
        })
        .await;
    assert!(matches!(worked, Err(ScopeError::Work(_))), "{worked:?}");
    assert_eq!(status(&store).await, JobStatus::FAILED);
    assert_eq!(
        texts(&store).await,
        ["at work", "no space left on the device"]
    );
}

#[tokio::test(start_paused = true)]
async fn work_that_succeeds_ends_the_job_as_it_says() {
    for outcome in [Outcome::Ready, Outcome::Failed] {
        let store = store_with_job().await;
        let work = async |_: &LogWriter| Ok::<_, std::convert::Infallible>(outcome.clone());
        let done = writer(&store).scope("Done", work).await.unwrap();
        assert_eq!(done, outcome);
        assert_eq!(status(&store).await, outcome.status());
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_is_cancelled_ends_the_job_as_failed() {
    let store = store_with_job().await;
    let work = writer(&store).scope("Done", async |writer: &LogWriter| {
        writer.system("at work").await;
        std::future::pending::<Result<Outcome, std::convert::Infallible>>().await
    });
    tokio::select! {
        _ = work => unreachable!("it never ends"),
        () = sleep(Duration::from_secs(1)) => {}
    }
    becomes(&store, &JobStatus::FAILED).await;
    assert_eq!(texts(&store).await, ["at work"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_store_of_jobs_only_the_log_ends() {
    let store = store();
    let stores = Stores::lines_only(Arc::clone(&store));
    let writer = LogWriter::builder(job(), stores).start().unwrap();
    writer.enter(JobStatus::DEPS, "Installing").await.unwrap();
    let stats = writer.finish(Outcome::Ready, "Done").await.unwrap();
    assert_eq!((stats.appended, stats.lost.lines), (1, 0));
    assert_eq!(texts(&store).await, ["Installing"]);
}
