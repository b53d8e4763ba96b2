//! Leases: what happens to a stream that outlives its token. The rules have unit tests on a paused clock; here is what a
//! client sees of them.

use std::sync::Arc;
use std::time::Duration;

use log_wire::sse::Event;
use test_support::{BodyEnd, RedisServer, SseReader};

use super::{assert_alive, assert_broken_off, stream_with};
use crate::stream::client::{Producer, SOON, texts};
use crate::support::{ANN, Api, Job, token};

/// A lease that tests can wait for.
const SHORT: (&str, &str) = ("LOG_API_STREAM_LEASE_SECS", "1");
const REAUTH: (&str, &str) = ("LOG_API_STREAM_LEASE_MODE", "reauth");

async fn start(settings: &[(&str, &str)]) -> (Arc<RedisServer>, Api) {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), settings).await;
    (redis, api)
}

/// Reads lines until `reauth`, which must be the last event. Returns the lines and the cursor.
async fn until_reauth(reader: &mut SseReader) -> (Vec<String>, String) {
    let mut lines = Vec::new();
    let mut events = reader.rest(SOON).await;
    let Some(Event::Reauth { after_id }) = events.pop() else {
        panic!("no reauth at the end");
    };
    for event in events {
        match event {
            Event::Log(line) => lines.push(line.text.unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reader.end(), Some(BodyEnd::Whole), "a clean end");
    assert_eq!(reader.last_event_id(), after_id.to_string());
    (lines, after_id.to_string())
}

#[tokio::test]
async fn a_stream_is_broken_off_at_the_end_of_its_lease_if_the_job_is_somebody_elses_now() {
    let (redis, api) = start(&[SHORT]).await;
    let (job, other) = (Job::new(&redis).await, Job::new(&redis).await);
    let mut readers = [
        stream_with(&api, &job, &token(ANN), "").await,
        stream_with(&api, &job, &token(ANN), "?from=start").await,
    ];
    let mut stays = stream_with(&api, &other, &token(ANN), "").await;
    job.command(&["HSET", &job.key(), "user_id", "user_bob"])
        .await;
    for reader in &mut readers {
        assert_broken_off(reader, SOON).await;
    }
    // This stream has had leases that ended too.
    assert_alive(&mut stays, &other).await;
}

#[tokio::test]
async fn with_reauth_an_idle_stream_ends_cleanly_with_its_cursor() {
    let (redis, api) = start(&[SHORT, REAUTH]).await;
    let job = Job::new(&redis).await;
    let last = job.append("before").await;
    let mut reader = stream_with(&api, &job, &token(ANN), "").await;
    let (lines, cursor) = until_reauth(&mut reader).await;
    assert_eq!((lines, cursor), (vec![], last));
    assert!(String::from_utf8_lossy(reader.raw()).contains("event: reauth\nid: "));
}

#[tokio::test]
async fn with_reauth_a_client_that_comes_back_has_no_gap_and_no_repetition() {
    let (redis, api) = start(&[SHORT, REAUTH]).await;
    let job = Arc::new(Job::new(&redis).await);
    let producer = Producer::start(&job, Duration::from_millis(3));
    let (mut seen, mut cursor) = (Vec::new(), "0-0".to_owned());
    for _ in 0..2 {
        let request = api.stream(&job, "").header("Last-Event-ID", &cursor);
        let mut reader = SseReader::open(request).await;
        let (lines, at) = until_reauth(&mut reader).await;
        seen.extend(lines);
        cursor = at;
    }
    let written = producer.stop().await.len();
    let request = api.stream(&job, "").header("Last-Event-ID", &cursor);
    let mut reader = SseReader::open(request).await;
    seen.extend(texts(&mut reader, written - seen.len()).await);
    let expected: Vec<_> = (0..written).map(|n| n.to_string()).collect();
    assert_eq!(seen, expected);
}
