//! Leases: what happens to a stream that outlives its token.

use std::sync::Arc;
use std::time::Duration;

use log_wire::sse::Event;
use test_support::{BodyEnd, RedisServer, SseReader, TcpProxy};

use super::{assert_alive, assert_broken_off, stream_with};
use crate::auth::{assert_refused, now, token_with};
use crate::stream::client::{Producer, SOON, texts};
use crate::support::{ANN, Api, Job, token};

/// A lease that tests can wait for.
const SHORT: (&str, &str) = ("LOG_API_STREAM_LEASE_SECS", "1");
const REAUTH: (&str, &str) = ("LOG_API_STREAM_LEASE_MODE", "reauth");

async fn one(settings: &[(&str, &str)]) -> (Arc<RedisServer>, Api) {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), settings).await;
    (redis, api)
}

/// The next event that is no line and no heartbeat must be `reauth`; with it, the cursor.
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
async fn a_stream_that_is_still_allowed_goes_on_beyond_its_token_and_its_leases() {
    let (redis, api) = one(&[SHORT]).await;
    let job = Job::new(&redis).await;
    // Good for 5 s more, which is the clocks' skew.
    let token = token_with(|_, claims| claims["exp"] = (now() + 1).into());
    let mut reader = stream_with(&api, &job, &token, "").await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let answer = super::page_with(&api, &job, &token).await;
    assert_refused(&answer, 401, "token-expired", "the token itself");
    assert_alive(&mut reader, &job).await;
}

#[tokio::test]
async fn a_stream_of_a_job_that_is_somebody_elses_now_is_broken_off_at_its_leases_end() {
    for mode in ["recheck", "reauth"] {
        let (redis, api) = one(&[SHORT, ("LOG_API_STREAM_LEASE_MODE", mode)]).await;
        let job = Job::new(&redis).await;
        let mut readers = [
            stream_with(&api, &job, &token(ANN), "").await,
            stream_with(&api, &job, &token(ANN), "?from=start").await,
        ];
        job.command(&["HSET", &job.key(), "user_id", "user_bob"])
            .await;
        for reader in &mut readers {
            assert_broken_off(reader, Duration::from_secs(3)).await;
        }
    }
}

#[tokio::test]
async fn a_job_that_is_deleted_ends_with_done_whatever_its_lease() {
    let (redis, api) = one(&[SHORT, REAUTH, ("LOG_API_END_QUIET_MS", "1500")]).await;
    let job = Job::new(&redis).await;
    let mut reader = stream_with(&api, &job, &token(ANN), "").await;
    job.command(&["DEL", &job.key()]).await;
    let status = "deleted".to_owned();
    assert_eq!(reader.rest(SOON).await, [Event::Done { status }]);
    assert_eq!(reader.end(), Some(BodyEnd::Whole));
}

#[tokio::test]
async fn with_reauth_an_idle_stream_ends_cleanly_with_its_cursor() {
    let (redis, api) = one(&[SHORT, REAUTH]).await;
    let job = Job::new(&redis).await;
    let last = job.append("before").await;
    let mut reader = stream_with(&api, &job, &token(ANN), "").await;
    let (lines, cursor) = until_reauth(&mut reader).await;
    assert_eq!((lines, cursor), (vec![], last));
    assert!(String::from_utf8_lossy(reader.raw()).contains("event: reauth\nid: "));
}

#[tokio::test]
async fn with_reauth_a_client_that_comes_back_has_no_gap_and_no_repetition() {
    let (redis, api) = one(&[SHORT, REAUTH]).await;
    let job = Arc::new(Job::new(&redis).await);
    let producer = Producer::start(&job, Duration::from_millis(3));
    let (mut seen, mut cursor) = (Vec::new(), "0-0".to_owned());
    for _ in 0..4 {
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

#[tokio::test]
async fn an_outage_at_a_leases_end_keeps_the_stream_open() {
    for mode in ["recheck", "reauth"] {
        let redis = RedisServer::shared().await;
        let behind = redis.url();
        let address = behind.trim_start_matches("redis://").parse().unwrap();
        let proxy = TcpProxy::start(address).await;
        let url = format!("redis://{}", proxy.address());
        let settings = [SHORT, ("LOG_API_STREAM_LEASE_MODE", mode)];
        let api = Api::start(&url, &settings).await;
        let job = Job::new(&redis).await;
        let mut reader = stream_with(&api, &job, &token(ANN), "").await;
        proxy.refuse().await;
        let silent = tokio::time::timeout(Duration::from_secs(3), reader.rest(SOON)).await;
        assert!(silent.is_err(), "{mode}: it ended {silent:?}");
        proxy.mend().await;
        match mode {
            "recheck" => assert_alive(&mut reader, &job).await,
            _ => _ = until_reauth(&mut reader).await,
        }
    }
}
