//! SIGTERM: readiness fails at once, streams are broken off over a window, and the process exits with 0 in time.

use std::collections::HashSet;
use std::time::Duration;

use log_wire::sse::Event;
use serde_json::json;
use test_support::{BodyEnd, RedisServer, SseReader, TcpProxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::errors::problem;
use crate::support::{ANN, Api, Job, token};

/// Waits until a stream is broken off. Returns when that was, and the `retry:` that came before.
async fn broken_off(mut reader: SseReader) -> (Instant, u64) {
    let events = reader.rest(Duration::from_secs(20)).await;
    assert_eq!(events, [], "no event of the server's own");
    assert_eq!(reader.end(), Some(BodyEnd::BrokenOff));
    let raw = String::from_utf8_lossy(reader.raw()).into_owned();
    assert!(
        raw.ends_with("\n\n") && raw.contains("retry: "),
        "whole blocks, {raw:?}"
    );
    (Instant::now(), reader.retry_ms().expect("a `retry:`"))
}

#[tokio::test]
async fn the_server_drains_then_breaks_streams_off_one_by_one_and_exits_0() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_DRAIN_DELAY_SECS", "3"),
        ("LOG_API_SHUTDOWN_SECS", "9"),
    ];
    let mut api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let mut readers = Vec::new();
    for _ in 0..24 {
        readers.push(SseReader::open(api.stream(&job, "")).await);
    }

    let asked = Instant::now();
    api.terminate();
    // Readiness fails at once, while the server still listens and serves.
    loop {
        let ready = api.anonymous().get("/readyz").send().await;
        if ready.status == 503 {
            assert_eq!(
                ready.json(),
                json!({"status": "draining", "store": "ok", "keys": "ok"})
            );
            break;
        }
        assert!(asked.elapsed() < Duration::from_secs(3), "still ready");
    }
    assert_eq!(api.anonymous().get("/api/ready").send().await.status, 503);
    assert_eq!(api.anonymous().get("/healthz").send().await.status, 200);
    let id = job.append("late").await;
    for reader in &mut readers {
        let event = reader.expect_event(Duration::from_secs(5)).await;
        assert!(
            matches!(&event, Event::Log(line) if line.id.to_string() == id),
            "{event:?}"
        );
    }
    assert_eq!(api.get(&job.path()).await.status, 200);

    let endings: Vec<_> = readers
        .into_iter()
        .map(|reader| tokio::spawn(broken_off(reader)))
        .collect();
    let mut ended = Vec::new();
    let mut pauses = HashSet::new();
    for ending in endings {
        let (at, retry) = ending.await.unwrap();
        assert!((1_000..=5_000).contains(&retry), "{retry}");
        ended.push(at.duration_since(asked));
        pauses.insert(retry);
    }
    let (first, last) = (*ended.iter().min().unwrap(), *ended.iter().max().unwrap());
    assert!(
        first >= Duration::from_secs(3),
        "not before the delay: {first:?}"
    );
    // The window is 4 s here: 9 s without the delay and without the time kept for closing.
    assert!(
        last - first >= Duration::from_secs(1),
        "spread, not {first:?} to {last:?}"
    );
    assert!(last < Duration::from_secs(8), "{last:?}");
    assert!(
        pauses.len() > 12,
        "clients come back at different times: {pauses:?}"
    );

    let status = api
        .ended(Duration::from_millis(9_500).saturating_sub(asked.elapsed()))
        .await;
    assert_eq!(status.code(), Some(0), "{}", api.log());
    assert!(!api.log().contains("\"ERROR\""), "{}", api.log());
}

#[tokio::test]
async fn a_stream_asked_for_while_others_are_broken_off_is_503_with_retry_after() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "10")]).await;
    let job = Job::new(&redis).await;
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(SseReader::open(api.stream(&job, "")).await);
    }
    api.terminate();
    // Once the first stream is broken off, the window has begun.
    let ends = readers
        .into_iter()
        .map(|reader| Box::pin(broken_off(reader)));
    let (_, _, others) = futures_util::future::select_all(ends).await;
    for query in ["", "?from=start"] {
        let answer = api.stream(&job, query).send().await;
        let body = problem(&answer, 503, "draining", query);
        assert!(
            body["detail"].as_str().unwrap().contains("try again"),
            "{body}"
        );
    }
    futures_util::future::join_all(others).await;
    assert_eq!(api.ended(Duration::from_secs(10)).await.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_never_reads_does_not_delay_the_shutdown() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "3")]).await;
    let job = Job::new(&redis).await;
    let line = "x".repeat(1024 * 1024);
    job.append_all([&line; 16]).await;
    let mut stalled = TcpStream::connect(api.addr).await.unwrap();
    let request = format!(
        "GET {}/stream?from=start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        job.path(),
        token(ANN)
    );
    stalled.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    stalled.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    sleep(Duration::from_millis(500)).await;

    let asked = Instant::now();
    api.terminate();
    let status = api.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{}", api.log());
    assert!(
        asked.elapsed() <= Duration::from_millis(3_500),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_shutdown() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "30")]).await;
    let job = Job::new(&redis).await;
    let mut kept = Vec::new();
    for target in ["/healthz", &job.path()] {
        let mut response = api.client(ANN).get(target).open().await;
        while response.body.next().await.is_some() {}
        kept.push(response);
    }
    let silent = TcpStream::connect(api.addr).await.unwrap();

    let asked = Instant::now();
    api.terminate();
    let status = api.ended(Duration::from_secs(10)).await;
    assert_eq!(status.code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    drop((kept, silent));
}

#[tokio::test]
async fn an_outage_of_redis_does_not_delay_the_shutdown() {
    let redis = RedisServer::shared().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let settings = [("LOG_API_SHUTDOWN_SECS", "3")];
    let mut api = Api::start(&format!("redis://{}", proxy.address()), &settings).await;
    let job = Job::new(&redis).await;
    let reader = SseReader::open(api.stream(&job, "")).await;
    proxy.black_hole();
    let page = tokio::spawn(api.client(ANN).get(&job.path()).try_open());

    let asked = Instant::now();
    api.terminate();
    broken_off(reader).await;
    let status = api.ended(Duration::from_secs(5)).await;
    assert_eq!(status.code(), Some(0), "{}", api.log());
    assert!(
        asked.elapsed() <= Duration::from_millis(3_500),
        "{:?}",
        asked.elapsed()
    );
    drop(page);
}

#[tokio::test]
async fn control_c_stops_the_server_too_and_a_second_signal_at_once() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    api.signal("INT");
    assert_eq!(api.ended(Duration::from_secs(5)).await.code(), Some(0));

    let mut api = Api::start(&redis.url(), &[("LOG_API_DRAIN_DELAY_SECS", "10")]).await;
    let asked = Instant::now();
    api.signal("TERM");
    api.log_with("draining").await;
    api.signal("TERM");
    assert_eq!(api.ended(Duration::from_secs(5)).await.code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn new_connections_are_refused_after_the_stop() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    api.terminate();
    assert_eq!(api.ended(Duration::from_secs(5)).await.code(), Some(0));
    assert!(TcpStream::connect(api.addr).await.is_err());
}
