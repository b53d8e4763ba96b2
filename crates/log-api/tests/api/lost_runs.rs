//! The service ends the jobs of workers that were lost, and everybody who follows them learns it.

use std::time::Duration;

use log_domain::{JobEnd, JobStatus};
use log_store::redis::{RedisOptions, RedisStore};
use log_store::{RunClaims as _, RunId};
use log_wire::sse::Event;
use test_support::SseReader;

use crate::support::{Job, shared};

/// Longer than the service takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_job_of_a_lost_worker_ends_failed_for_everybody_who_follows_it() {
    let (redis, api) = shared().await;
    let (lost, held, never) = tokio::join!(Job::new(&redis), Job::new(&redis), Job::new(&redis));
    let store = RedisStore::new(RedisOptions::new(redis.url())).unwrap();
    let run = RunId::from(1);
    let claim = async |job: &Job, lease| {
        let claimed = store.claim(&job.id.parse().unwrap(), &run, lease).await;
        claimed.unwrap();
    };
    claim(&held, 10 * SOON).await;
    claim(&lost, Duration::from_millis(1)).await;

    let mut reader = SseReader::open(api.stream(&lost, "")).await;
    let end = JobEnd::Status(JobStatus::FAILED);
    assert_eq!(reader.rest(SOON).await, [Event::Done { end }]);
    let field = async |job: &Job, name: &str| {
        let value = redis.command(&["HGET", &job.key(), name]).await;
        value.text()
    };
    assert_eq!(field(&lost, "status_message").await, "the worker was lost");
    for job in [&held, &never] {
        assert_eq!(field(job, "status").await, "code");
    }
    // Nothing is left of the claim of the other job.
    store
        .release(&held.id.parse().unwrap(), &run)
        .await
        .unwrap();
}
