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

#[tokio::test]
async fn a_connection_that_a_stream_has_taken_over_serves_no_further_request() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("only").await;
    job.set_status("ready").await;
    let mut stream = connect(&api).await;
    let first = request(&job, "?from=start", "1.1", "");
    let second = request(&job, "?from=start", "1.1", "");
    stream
        .write_all(format!("{first}{second}").as_bytes())
        .await
        .unwrap();
    let all = until_closed(&mut stream).await;
    assert_eq!(all.matches("HTTP/1.1 200").count(), 1, "{all}");
    assert!(all.contains("connection: close\r\n"), "{all}");
    assert!(all.contains("transfer-encoding: chunked\r\n"), "{all}");
    assert!(all.ends_with("\n\n\r\n0\r\n\r\n"), "a whole body: {all}");
}

#[tokio::test]
async fn bytes_that_a_client_sends_after_its_request_are_ignored() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let mut stream = connect(&api).await;
    let asked = request(&job, "?from=start", "1.1", "");
    stream.write_all(asked.as_bytes()).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(&[b'x'; 10_000]).await.unwrap();
    job.append("heard").await;
    read_until(&mut stream, "heard").await;
}

#[tokio::test]
async fn a_stream_also_works_on_a_connection_that_cannot_be_taken_over() {
    let (redis, api) = shared().await;
    for (version, headers) in [
        ("1.0", ""),
        ("1.1", "connection: upgrade\r\nupgrade: h2c\r\n"),
    ] {
        let job = Job::new(&redis).await;
        job.append("old").await;
        let mut stream = connect(&api).await;
        let asked = request(&job, "?from=start", version, headers);
        stream.write_all(asked.as_bytes()).await.unwrap();
        read_until(&mut stream, "old").await;
        job.append("new").await;
        read_until(&mut stream, "new").await;
        job.set_status("ready").await;
        read_until(&mut stream, "event: done").await;
    }
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
