//! Requests of agents, byte for byte as these programs send them with the settings in docs/INGEST.md. Their sources say
//! how: `src/sinks/http` of Vector, `plugins/out_http` of Fluent Bit.

use std::io::Write as _;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{create, lines, path, service};
use crate::support::Api;

fn gzip(plain: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(plain.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Sends a request on one connection that stays open, as agents do, and returns its status.
async fn send(socket: &mut TcpStream, head: &str, body: &[u8]) -> u16 {
    let head = format!("{head}\r\n\r\n").replace("LENGTH", &body.len().to_string());
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let mut more = [0; 4096];
        let read = socket.read(&mut more).await.unwrap();
        assert!(read > 0, "the connection ended");
        answer.extend_from_slice(&more[..read]);
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && serde_json::from_str::<Value>(body).is_ok()
        {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}

async fn fields(api: &Api, job: &str) -> Vec<[String; 4]> {
    let lines = lines(api, job).await;
    let fields = |line: &Value| {
        ["text", "ts", "source", "phase"].map(|name| line[name].as_str().unwrap_or("-").to_owned())
    };
    lines.iter().map(fields).collect()
}

#[tokio::test]
async fn vector_s_http_sink_is_understood_as_it_is() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    // Its keys are sorted, and the last line has no line feed.
    let body = "{\"text\":\"   Compiling serde v1.0\",\"ts\":\"2026-11-29T10:00:00.123456789Z\"}\n\
                {\"text\":\"warning: \\u001b[33munused\\u001b[0m\",\"ts\":\"2026-11-29T10:00:01Z\"}";
    let head = format!(
        "POST {}?Log-Phase=install HTTP/1.1\r\ncontent-type: application/x-ndjson\r\ncontent-encoding: gzip\r\n\
         authorization: Bearer {token}\r\nuser-agent: Vector/0.50.0 (x86_64-unknown-linux-gnu)\r\n\
         accept-encoding: identity\r\nhost: {}\r\ncontent-length: LENGTH",
        path(&job),
        api.addr
    );
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    for _ in 0..2 {
        assert_eq!(send(&mut socket, &head, &gzip(body)).await, 200);
    }
    let plain = head.replace("content-encoding: gzip\r\n", "");
    assert_eq!(send(&mut socket, &plain, body.as_bytes()).await, 200);
    let zstd = head.replace("gzip\r\nauth", "zstd\r\nauth");
    let packed = zstd::encode_all(body.as_bytes(), 3).unwrap();
    assert_eq!(send(&mut socket, &zstd, &packed).await, 200);
    let fields = fields(&api, &job).await;
    assert_eq!(
        fields.len(),
        8,
        "nobody numbers: what comes again is there again"
    );
    let expected = [
        "   Compiling serde v1.0",
        "2026-11-29T10:00:00.123456789Z",
        "stdout",
        "install",
    ];
    assert_eq!(fields[0], expected);
    assert_eq!(fields[7][0], "warning: \u{1b}[33munused\u{1b}[0m");
}

#[tokio::test]
async fn fluent_bit_s_http_output_is_understood_as_it_is() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    // The date is its first key. Records may have more keys than a line needs.
    let body = "{\"ts\":\"2026-11-29T10:00:00.123456Z\",\"text\":\"npm install\"}\n\
                {\"ts\":\"2026-11-29T10:00:00.200000Z\",\"text\":\"added 3 packages\",\"stream\":\"stdout\"}\n";
    let head = |kind: &str, encoding: &str| {
        format!(
            "POST {}?Log-Source=stderr HTTP/1.1\r\nHost: {}\r\nContent-Length: LENGTH\r\nContent-Type: {kind}\r\n\
             {encoding}User-Agent: Fluent-Bit\r\nAuthorization: Bearer {token}",
            path(&job),
            api.addr
        )
    };
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    let packed = head("application/x-ndjson", "Content-Encoding: gzip\r\n");
    assert_eq!(send(&mut socket, &packed, &gzip(body)).await, 200);
    // Older versions call it so.
    let older = head("application/json", "");
    assert_eq!(send(&mut socket, &older, body.as_bytes()).await, 200);
    let fields = fields(&api, &job).await;
    assert_eq!(fields.len(), 4);
    assert_eq!(
        fields[0],
        ["npm install", "2026-11-29T10:00:00.123456Z", "stderr", "-"]
    );
    assert_eq!(fields[3][0], "added 3 packages");
}

/// A form that none of them is documented with, and that they have: one array.
#[tokio::test]
async fn a_json_array_is_refused_with_the_line_and_the_rule() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: LENGTH\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}",
        path(&job)
    );
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    let body = b"[{\"date\":1,\"text\":\"a\"},{\"date\":2,\"text\":\"b\"}]";
    assert_eq!(send(&mut socket, &head, body).await, 422);
    assert!(lines(&api, &job).await.is_empty());
}
