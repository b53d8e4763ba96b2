//! Requests of agents, byte for byte as these programs send them with the settings in docs/INGEST.md: of Fluent Bit as they
//! were recorded, of Vector as its sources say (`src/sinks/http`).

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

/// What Fluent Bit 5.1.1 sent of a file that grew, with the documented settings, and without `Compress`.
const FLUENT_BIT: [[&[u8]; 2]; 2] = [
    [
        include_bytes!("recorded/fluent-bit-5.1.1-gzip-1.http"),
        include_bytes!("recorded/fluent-bit-5.1.1-gzip-2.http"),
    ],
    [
        include_bytes!("recorded/fluent-bit-5.1.1-plain-1.http"),
        include_bytes!("recorded/fluent-bit-5.1.1-plain-2.http"),
    ],
];

/// The head and the body of a recorded request. Its path, host and token are those of the test.
fn recorded<'a>(request: &'a [u8], api: &Api, job: &str, token: &str) -> (String, &'a [u8]) {
    const END: &[u8] = b"\r\n\r\n";
    let mut ends = request.windows(END.len());
    let head = ends.position(|window| window == END).unwrap();
    let (head, body) = request.split_at(head);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let head = (head.replace("{path}", &path(job)))
        .replace("{host}", &api.addr.to_string())
        .replace("{token}", token);
    (head, &body[END.len()..])
}

#[tokio::test]
async fn fluent_bit_s_http_output_is_understood_as_it_was_recorded() {
    let (_redis, api) = service().await;
    for requests in FLUENT_BIT {
        let (job, token) = create(&api).await;
        for request in requests {
            // Each of its workers has a connection.
            let mut socket = TcpStream::connect(api.addr).await.unwrap();
            let (head, body) = recorded(request, &api, &job, &token);
            assert_eq!(send(&mut socket, &head, body).await, 200);
        }
        let fields = fields(&api, &job).await;
        let texts: Vec<_> = fields.iter().map(|fields| fields[0].as_str()).collect();
        let expected = [
            "npm install",
            "\u{1b}[33mwarn\u{1b}[0m deprecated ünïcode “quotes” C:\\temp",
            "",
            "   indented\tby a tab",
            "progress 10%\rprogress 100%",
            // Two bytes that were no UTF-8.
            "\u{1f389} done \u{e0ff}\u{e0fe} bytes",
            "a NUL \0 here",
            "with a return",
        ];
        assert_eq!(texts, expected);
        for [_, ts, source, phase] in &fields {
            assert!(ts.starts_with("2026-11-30T01:44:") && ts.ends_with('Z'));
            assert_eq!([source.as_str(), phase], ["stdout", "-"]);
        }
    }
}

#[tokio::test]
async fn fluent_bit_s_older_name_of_the_form_of_lines_is_understood() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let (head, body) = recorded(FLUENT_BIT[1][0], &api, &job, &token);
    let older = head.replace("application/x-ndjson", "application/json");
    assert_ne!(older, head);
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    assert_eq!(send(&mut socket, &older, body).await, 200);
    assert_eq!(lines(&api, &job).await.len(), 4);
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
