//! Limits: new streams are refused, streams already open are not affected, and a place is free as soon as its client
//! leaves.

use std::time::Duration;

use test_support::{Answer, RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use crate::errors::problem;
use crate::stream::client::{SOON, follow, texts};
use crate::support::{Api, Job};

async fn refused(api: &Api, user: &str, job: &Job, status: u16, code: &str) {
    let path = format!("{}/stream", job.path());
    let answer = api.client(user).get(&path).send().await;
    problem(&answer, status, code, "a stream beyond the limit");
    assert_retry_after(&answer);
}

fn assert_retry_after(answer: &Answer) {
    let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((5..=15).contains(&after), "{after}");
}

/// Tries until the server has noticed that a client has left.
async fn open_when_free(api: &Api, job: &Job) -> SseReader {
    let start = Instant::now();
    loop {
        let reader = SseReader::open(api.stream(job, "")).await;
        if reader.status == 200 {
            return reader;
        }
        assert!(start.elapsed() < SOON, "still refused");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_user_has_at_most_the_allowed_streams_and_keeps_them() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_MAX_STREAMS_PER_USER", "2")]).await;
    let (job, other) = (
        Job::new(&redis).await,
        Job::owned_by(&redis, "user_bob").await,
    );
    let mut first = follow(&api, &job, "").await;
    let second = follow(&api, &job, "").await;
    refused(&api, crate::support::ANN, &job, 429, "too-many-streams").await;
    let bobs = api.client("user_bob");
    let path = format!("{}/stream", other.path());
    assert_eq!(SseReader::open(bobs.get(&path)).await.status, 200);
    // Pages of history have no such limit.
    assert_eq!(api.get(&job.path()).await.status, 200);
    drop(second);
    let _third = open_when_free(&api, &job).await;
    job.append("still here").await;
    assert_eq!(texts(&mut first, 1).await, ["still here"]);
}

#[tokio::test]
async fn a_job_and_the_process_have_at_most_the_allowed_streams() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_MAX_STREAMS_PER_JOB", "1"),
        ("LOG_API_MAX_STREAMS", "2"),
        ("LOG_API_MAX_STREAMS_PER_USER", "0"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let [one, two, three] = [
        Job::new(&redis).await,
        Job::new(&redis).await,
        Job::new(&redis).await,
    ];
    let _first = follow(&api, &one, "").await;
    refused(&api, crate::support::ANN, &one, 429, "too-many-viewers").await;
    let _second = follow(&api, &two, "").await;
    refused(&api, crate::support::ANN, &three, 503, "at-capacity").await;
}

#[tokio::test]
async fn a_stream_that_is_answered_with_an_error_takes_no_place() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_MAX_STREAMS", "1")]).await;
    let job = Job::new(&redis).await;
    for _ in 0..3 {
        let bad = api.stream(&job, "?after_id=nonsense").send().await;
        assert_eq!(bad.status, 422);
        let foreign = api.client("user_bob");
        let path = format!("{}/stream", job.path());
        assert_eq!(foreign.get(&path).send().await.status, 404);
    }
    let mut reader = follow(&api, &job, "").await;
    job.append("there").await;
    reader.expect_event(SOON).await;
}

#[tokio::test]
async fn connections_beyond_the_limit_get_503_and_are_closed() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_MAX_CONNECTIONS", "2"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let mut first = follow(&api, &job, "").await;
    let second = follow(&api, &job, "").await;
    let answer = api.anonymous().get("/healthz").send().await;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (503, Some("close"))
    );
    assert_eq!(answer.json()["code"], "at-capacity");
    assert_retry_after(&answer);
    assert_eq!(api.metric("connections").await, 2);
    assert_eq!(api.metric("connections_refused_total").await, 1);
    drop(second);
    let _third = open_when_free(&api, &job).await;
    job.append("still here").await;
    assert_eq!(texts(&mut first, 1).await, ["still here"]);
}
