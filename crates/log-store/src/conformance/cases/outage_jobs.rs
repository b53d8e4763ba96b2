//! R4 and W3 for a store of jobs, which need have no lines.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::outage::fails_in_time;
use crate::conformance::subject::ConnectedJobs;
use crate::conformance::support::soon;
use crate::error::StoreError;

/// R4: each call.
pub async fn jobs_of_a_store_that_is_away_are_an_error_within_its_deadline(
    subject: Arc<dyn ConnectedJobs>,
) {
    let (connection, jobs, job) = (subject.connection(), subject.jobs(), subject.fresh_job());
    let mut watch = jobs.watch_job(&job);
    subject.put_job(&job, "ann").await;
    connection.cut().await;
    let (on, away) = (&*connection, StoreError::is_retryable);
    // Twice: the first call may be the one that notices the loss.
    for _ in 0..2 {
        fails_in_time(on, "get", jobs.get(&job), away).await;
        fails_in_time(on, "details", jobs.details(&job), away).await;
        fails_in_time(on, "ping_jobs", jobs.ping_jobs(), away).await;
        fails_in_time(on, "watch.get", watch.get(), away).await;
    }
    connection.mend().await;
}

/// W3 for jobs: the status changes during an outage.
pub async fn a_job_that_changes_while_the_store_is_away_is_noticed(
    subject: Arc<dyn ConnectedJobs>,
) {
    let connection = subject.connection();
    let (jobs, job) = (subject.jobs(), subject.fresh_job());
    subject.put_job(&job, "ann").await;
    let mut watch = jobs.watch_job(&job);
    for round in 0..3_u64 {
        let status = format!("status-{round}");
        watch.changed().await;
        watch.get().await.ok();
        connection.cut().await;
        subject.set_status_raw(&job, Some(&status)).await;
        sleep(Duration::from_millis(150 * round)).await;
        connection.mend().await;
        let seen = async {
            loop {
                watch.changed().await;
                match watch.get().await {
                    Ok(found) if found.as_ref().is_some_and(|j| j.status.as_str() == status) => {
                        return;
                    }
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        soon(&*subject, "the status of meanwhile", seen).await;
        subject.set_status_raw(&job, Some("queued")).await;
    }
}
