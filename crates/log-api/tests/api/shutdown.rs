//! SIGTERM: readiness fails at once, streams are broken off over a window, and the process exits with 0 in time.

use std::collections::HashSet;
use std::time::Duration;

use log_wire::sse::Event;
use serde_json::json;
use test_support::{BodyEnd, RedisServer, SseReader, TcpProxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::{ANN, Api, Job, token};

/// Waits until a stream is broken off. Returns when that was, and the `retry:` that came before.
async fn broken_off(mut reader: SseReader) -> (Instant, u64) {
    let events = reader.rest(Duration::from_secs(20)).await;
    assert_eq!(events, [], "no event of the server's own");
    assert_eq!(reader.end(), Some(BodyEnd::BrokenOff));
    let raw = String::from_utf8_lossy(reader.raw()).into_owned();
    let last = raw.trim_end().rsplit("\n\n").next().unwrap_or_default();
    assert!(raw.ends_with("\n\n"), "whole blocks, {raw:?}");
    // A block of its own for the `retry:` is an empty message to many libraries.
    let names: Vec<_> = last
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    assert!(
        matches!(
            names[..],
            [
                ("event", "heartbeat"),
                ("id", _),
                ("retry", _),
                ("data", "{}")
            ]
        ),
        "{last:?}"
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
async fn a_server_that_stops_takes_streams_while_it_listens_and_refuses_none_with_a_status() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_SHUTDOWN_SECS", "10"),
        ("LOG_API_DRAIN_DELAY_SECS", "3"),
    ];
    let mut api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    let last = job.append("before").await;
    let early = KeptConnection::open(&api, &job).await;
    let late = KeptConnection::open(&api, &job).await;
    let first = tokio::spawn(broken_off(SseReader::open(api.stream(&job, "")).await));
    api.terminate();
    api.log_with("draining").await;

    let early_stream = early.stream(&job);
    let early_stream = tokio::spawn(early_stream);
    // Connections come in until the listener is closed, and each gets its stream.
    let mut taken = Vec::new();
    while let Ok(response) = api.stream(&job, "").try_open().await {
        assert_eq!(response.status, 200, "while it listens");
        taken.push(tokio::spawn(broken_off(SseReader::from_response(response))));
        sleep(Duration::from_millis(20)).await;
    }
    assert!(taken.len() > 10, "{}", taken.len());
    let closed = Instant::now();

    // A connection that was kept alive gets no answer any more, which every client and proxy takes for a reason to try anew.
    assert_eq!(late.stream(&job).await, "");
    let early = early_stream.await.unwrap();
    let (head, body) = early.split_once("\r\n\r\n").expect(&early);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(!head.to_ascii_lowercase().contains("connection:"), "{head}");
    assert!(body.contains(&format!("id: {last}\n")), "a cursor: {body}");
    assert!(body.contains("retry: "), "{body}");
    assert!(!body.contains("0\r\n\r\n"), "broken off: {body}");
    taken.push(first);
    for taken in taken {
        let (at, _) = taken.await.unwrap();
        assert!(
            at >= closed - Duration::from_millis(100),
            "the listener closes first"
        );
    }
    assert_eq!(api.ended(Duration::from_secs(10)).await.code(), Some(0));
    assert!(!api.log().contains("\"ERROR\""), "{}", api.log());
}

/// A connection that has served a request and is kept for more.
struct KeptConnection(TcpStream);

impl KeptConnection {
    async fn open(api: &Api, job: &Job) -> Self {
        let mut stream = TcpStream::connect(api.addr).await.unwrap();
        let asked = asked(&job.path());
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            answer += &String::from_utf8_lossy(&piece[..count]);
        }
        Self(stream)
    }

    /// All bytes of a stream, until the connection ends.
    fn stream(mut self, job: &Job) -> impl Future<Output = String> + use<> {
        let asked = asked(&format!("{}/stream", job.path()));
        async move {
            let mut all = Vec::new();
            let _ = self.0.write_all(asked.as_bytes()).await;
            let read = self.0.read_to_end(&mut all);
            let _ = tokio::time::timeout(Duration::from_secs(20), read).await;
            String::from_utf8(all).unwrap()
        }
    }
}

fn asked(target: &str) -> String {
    let token = token(ANN);
    format!("GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
}

#[tokio::test]
async fn a_server_that_stops_asks_for_another_connection_in_every_other_answer() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_DRAIN_DELAY_SECS", "3")]).await;
    let job = Job::new(&redis).await;
    let connection = async || {
        let answer = api.get(&job.path()).await;
        answer.header("connection").map(str::to_owned)
    };
    assert_eq!(connection().await, None);
    api.terminate();
    api.log_with("draining").await;
    assert_eq!(connection().await.as_deref(), Some("close"));
    let missing = api.get("/api/jobs/x/logs").await;
    assert_eq!(
        (missing.status, missing.header("connection")),
        (404, Some("close"))
    );
    assert_eq!(api.ended(Duration::from_secs(20)).await.code(), Some(0));
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
