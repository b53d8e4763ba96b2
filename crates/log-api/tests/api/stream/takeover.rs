//! Streams byte by byte: connections that a stream takes over, and connections that cannot be taken over.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::client::SOON;
use crate::support::{ANN, Api, Job, shared, token};

/// Connects with a small receive buffer.
async fn connect(api: &Api) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(api.addr).await.unwrap()
}

fn request(job: &Job, query: &str, version: &str, headers: &str) -> String {
    format!(
        "GET {}/stream{query} HTTP/{version}\r\nhost: x\r\nauthorization: Bearer {}\r\n{headers}\r\n",
        job.path(),
        token(ANN)
    )
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut all)).await;
    let _ = read.expect("it closes");
    String::from_utf8(all).unwrap()
}

async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = String::new();
    let mut piece = [0; 4096];
    while !all.contains(text) {
        let read = timeout(SOON, stream.read(&mut piece)).await.unwrap();
        let count = read.unwrap();
        assert!(count > 0, "closed before {text:?}: {all}");
        all += &String::from_utf8_lossy(&piece[..count]);
    }
    all
}

/// The end of a chunked body whose last event is `done`.
const WHOLE: &str = "\n\n\r\n0\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_further_requests_after_a_stream_that_has_ended() {
    let (redis, api) = shared().await;
    let (ended, running) = (Job::new(&redis).await, Job::new(&redis).await);
    ended.append("only").await;
    ended.set_status("ready").await;
    let mut stream = connect(&api).await;
    for round in 0..3 {
        let asked = request(&ended, "?from=start", "1.1", "");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let all = read_until(&mut stream, WHOLE).await;
        assert!(all.starts_with("HTTP/1.1 200"), "{round}: {all}");
        let head = all.split("\r\n\r\n").next().unwrap().to_ascii_lowercase();
        assert!(!head.contains("\r\nconnection:"), "{round}: {head}");
        assert!(
            head.contains("transfer-encoding: chunked"),
            "{round}: {head}"
        );
        // Not a stream in between, too.
        let page = request(&ended, "", "1.1", "").replace("/stream", "");
        stream.write_all(page.as_bytes()).await.unwrap();
        let page = read_until(&mut stream, "\"}").await;
        assert!(page.starts_with("HTTP/1.1 200"), "{round}: {page}");
        assert!(page.contains("\"newest_id\""), "{round}: {page}");
    }
    // A stream that goes on is followed live there.
    let asked = request(&running, "", "1.1", "");
    stream.write_all(asked.as_bytes()).await.unwrap();
    read_until(&mut stream, "event: heartbeat").await;
    running.append("live").await;
    read_until(&mut stream, "live").await;
}

#[tokio::test]
async fn a_connection_whose_next_request_came_too_early_is_closed_after_the_stream() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("only").await;
    job.set_status("ready").await;
    let asked = request(&job, "?from=start", "1.1", "");
    for sent in [
        vec![asked.repeat(2)],
        vec![asked.clone(), asked.clone()],
        vec![asked.clone() + "GET /"],
    ] {
        let mut stream = connect(&api).await;
        for part in sent {
            stream.write_all(part.as_bytes()).await.unwrap();
        }
        let all = until_closed(&mut stream).await;
        assert!(
            (1..=2).contains(&all.matches("HTTP/1.1 200").count()),
            "{all}"
        );
        assert!(all.ends_with(WHOLE), "a whole body: {all}");
    }
}

#[tokio::test]
async fn bytes_that_a_client_sends_during_a_stream_are_ignored_and_end_the_connection_with_it() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let mut stream = connect(&api).await;
    let asked = request(&job, "?from=start", "1.1", "");
    stream.write_all(asked.as_bytes()).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(&[b'x'; 10_000]).await.unwrap();
    job.append("heard").await;
    read_until(&mut stream, "heard").await;
    job.set_status("ready").await;
    assert!(until_closed(&mut stream).await.ends_with(WHOLE));
}

/// Reads a stream of a job from its start to its end on a connection that ends with it. Returns the head and the body.
async fn whole_answer(api: &Api, job: &Job, version: &str, headers: &str) -> (String, String) {
    job.append("old").await;
    let mut stream = connect(api).await;
    let asked = request(job, "?from=start", version, headers);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut all = read_until(&mut stream, "old").await;
    job.append("new").await;
    all += &read_until(&mut stream, "new").await;
    job.set_status("ready").await;
    all += &until_closed(&mut stream).await;
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_body_without_chunks() {
    let (redis, api) = shared().await;
    for headers in [
        "",
        "connection: keep-alive\r\n",
        "connection: upgrade\r\nupgrade: x\r\n",
    ] {
        let job = Job::new(&redis).await;
        let (head, body) = whole_answer(&api, &job, "1.0", headers).await;
        assert!(head.starts_with("http/1.0 200"), "{head}");
        for absent in ["transfer-encoding", "content-length", "keep-alive"] {
            assert!(!head.contains(absent), "{headers}: {head}");
        }
        assert!(body.starts_with("event: heartbeat\n"), "{body}");
        assert!(body.ends_with("data: {\"status\":\"ready\"}\n\n"), "{body}");
        assert!(!body.contains('\r'), "{body}");
    }
}

#[tokio::test]
async fn a_request_for_another_protocol_gets_a_stream_framed_as_its_head_says() {
    let (redis, api) = shared().await;
    for headers in [
        "connection: upgrade\r\nupgrade: h2c\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n",
        "connection: keep-alive, Upgrade\r\nupgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "upgrade: websocket\r\n",
    ] {
        let job = Job::new(&redis).await;
        let (head, body) = whole_answer(&api, &job, "1.1", headers).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(
            head.contains("transfer-encoding: chunked"),
            "{headers}: {head}"
        );
        assert!(!head.contains("upgrade"), "{headers}: {head}");
        let size = body.split("\r\n").next().unwrap();
        assert!(usize::from_str_radix(size, 16).is_ok(), "{headers}: {body}");
        assert!(body.ends_with(WHOLE), "{headers}: {body}");
    }
}

#[tokio::test]
async fn a_stream_of_http_1_0_that_is_broken_off_ends_with_a_reset() {
    let redis = test_support::RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "4")]).await;
    let job = Job::new(&redis).await;
    let mut stream = connect(&api).await;
    let asked = request(&job, "", "1.0", "");
    stream.write_all(asked.as_bytes()).await.unwrap();
    read_until(&mut stream, "event: heartbeat").await;
    api.terminate();
    let mut rest = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap();
    let error = ended.expect_err("no clean end without `done`");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(api.ended(SOON).await.code(), Some(0), "{}", api.log());
}

#[tokio::test]
async fn a_stream_broken_off_while_its_client_reads_nothing_sends_nothing_more() {
    let redis = test_support::RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_STREAM_LEASE_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let long = "x".repeat(2_000);
    job.append_all(vec![long.as_str(); 5_000]).await;
    let mut stream = connect(&api).await;
    let asked = request(&job, "?from=start", "1.1", "");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let head = read_until(&mut stream, "event: log").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");

    let sockets = api.sockets();
    job.command(&["HSET", &job.key(), "user_id", "user_bob"])
        .await;
    let begin = Instant::now();
    while api.sockets() >= sockets {
        assert!(begin.elapsed() < Duration::from_secs(5), "it is still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rest = until_closed(&mut stream).await;
    assert!(
        rest.len() < 2_000_000,
        "only what the kernel held: {}",
        rest.len()
    );
    assert!(!rest.ends_with("0\r\n\r\n"), "not as if it were whole");
}
