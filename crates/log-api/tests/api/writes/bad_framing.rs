//! Requests that are no HTTP, or whose body has no end, and paths and headers of every wrong kind: refused by name, and
//! nothing is stored.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::{ALL, append, assert_error, create, path, request, service, texts};
use crate::support::Api;

/// Sends bytes, and reads a whole answer. `None`: the server ends the connection without one.
pub(super) async fn exchange(api: &Api, request: &[u8]) -> Option<(u16, Value)> {
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    let _ = socket.write_all(request).await;
    answer(&mut socket).await
}

async fn answer(socket: &mut TcpStream) -> Option<(u16, Value)> {
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            if let Ok(body) = serde_json::from_str(body) {
                return Some((status, body));
            }
            if head.to_ascii_lowercase().contains("content-length: 0") {
                return Some((status, Value::Null));
            }
        }
        let mut more = [0; 4096];
        let read = timeout(Duration::from_secs(60), socket.read(&mut more)).await;
        let read = read.expect("an answer, or the end").unwrap_or(0);
        if read == 0 {
            assert_eq!(text, "", "half an answer");
            return None;
        }
        answer.extend_from_slice(&more[..read]);
    }
}

#[tokio::test]
async fn a_body_with_a_malformed_frame_is_refused_and_nothing_of_it_is_stored() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    for (framing, body) in [
        ("Content-Length: x", "a\n"),
        ("Content-Length: -1", "a\n"),
        ("Content-Length: 1e3", "a\n"),
        ("Content-Length: 99999999999999999999", "a\n"),
        ("Content-Length: 2\r\nContent-Length: 3", "a\nb"),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 2",
            "2\r\na\n\r\n0\r\n\r\n",
        ),
        ("Transfer-Encoding: rot13", "a\n"),
        ("Transfer-Encoding: chunked", "zz\r\na\n\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "-2\r\na\n\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "fffffffffffffffff\r\na\n"),
    ] {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n{body}",
            path(&job)
        );
        // A body that stops being HTTP in its middle may end the connection without a word.
        let answer = exchange(&api, head.as_bytes()).await;
        let is_refused = answer
            .as_ref()
            .is_none_or(|(status, _)| (400..500).contains(status));
        assert!(is_refused, "{framing}: {answer:?}");
    }
    assert!(texts(&api, &job).await.is_empty());
}

#[tokio::test]
async fn a_body_that_never_ends_is_refused_at_the_limit_and_its_connection_ends() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let mut socket = TcpStream::connect(api.addr).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked\r\n\r\n",
        path(&job)
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let (mut from, mut to) = socket.into_split();
    let reading = tokio::spawn(async move {
        let mut answer = Vec::new();
        let _ = from.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    });
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let end = Instant::now() + Duration::from_secs(60);
    while to.write_all(&chunk).await.is_ok() {
        assert!(Instant::now() < end, "it reads for ever");
    }
    let answer = reading.await.unwrap();
    // The sender may be told by a reset before it has read the answer.
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
        "{answer}"
    );
    assert!(texts(&api, &job).await.is_empty());
    assert_eq!(append(&api, &token, &job, 0, "x\n").await.status, 200);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let begin = Instant::now();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 100\r\n\r\nonly\n",
        path(&job)
    );
    let (status, body) = exchange(&api, head.as_bytes()).await.unwrap();
    assert_eq!(
        (status, &body["code"]),
        (408, &"body-timeout".into()),
        "{body}"
    );
    assert!(
        begin.elapsed() >= Duration::from_secs(20),
        "a slow network is no fault"
    );
    assert!(texts(&api, &job).await.is_empty());
}

#[tokio::test]
async fn every_job_id_that_is_none_is_refused_by_name_on_every_route() {
    let (_redis, api) = service().await;
    let long = "x".repeat(300);
    for id in [
        "a.b", "a%20b", "a%00b", "%C3%A9", "a%2Fb", "a:b", "a{b}", "%FF", &long,
    ] {
        let logs = format!("/api/jobs/{id}/logs");
        for (method, target) in [
            ("POST", logs.clone()),
            ("PUT", logs.clone()),
            ("PATCH", logs.clone()),
            ("GET", format!("{logs}/producers/w")),
            ("GET", format!("{logs}/status")),
        ] {
            let answer = request(&api, &ALL.text, method, &target)
                .body("x")
                .send()
                .await;
            assert_error(&answer, 422, "invalid-parameter");
            assert_eq!(answer.json()["field"], "job_id", "{method} {target}");
            assert!(!answer.text().contains(&long), "it repeats what it got");
            let stranger = api
                .anonymous()
                .request(method, &target)
                .body("x")
                .send()
                .await;
            assert_eq!(
                stranger.status, 401,
                "who it is comes first: {method} {target}"
            );
        }
    }
}

#[tokio::test]
async fn every_malformed_head_is_named_wherever_it_is_and_nothing_is_stored() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let long = "n".repeat(65);
    let numbers = [
        "",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x1",
        " 1 2",
        "9007199254740993",
        "1,2",
        "\u{665}",
    ];
    let mut cases: Vec<(String, &str)> = Vec::new();
    for number in numbers {
        let escaped: String = number.bytes().map(|byte| format!("%{byte:02X}")).collect();
        cases.push((format!("Log-Producer=w&Log-Line={escaped}"), "Log-Line"));
        cases.push((
            format!("Log-Producer=w&Log-Line=0&Log-Epoch={escaped}"),
            "Log-Epoch",
        ));
    }
    for name in ["", "a%20b", "a%2Fb", "%C3%A9", "%00", "a%0Ab", &long] {
        cases.push((format!("Log-Producer={name}&Log-Line=0"), "Log-Producer"));
    }
    cases.extend([
        ("Log-Producer=w".to_owned(), "Log-Line"),
        ("Log-Line=0".to_owned(), "Log-Producer"),
        (
            "Log-Producer=w&log-producer=w&Log-Line=0".to_owned(),
            "Log-Producer",
        ),
        ("Log-Source=".to_owned(), "Log-Source"),
        ("Log-Source=stdin".to_owned(), "Log-Source"),
        ("Log-Source=%FF".to_owned(), "Log-Source"),
        (format!("Log-Phase={long}"), "Log-Phase"),
        ("Log-Phase=%FF".to_owned(), "Log-Phase"),
        ("stream=yes".to_owned(), "stream"),
        ("stream=1&stream=1".to_owned(), "stream"),
    ]);
    for (query, field) in &cases {
        let target = format!("{}?{query}", path(&job));
        let answer = request(&api, &token, "POST", &target)
            .body("x\n")
            .send()
            .await;
        assert_error(&answer, 422, "invalid-parameter");
        assert_eq!(answer.json()["field"], *field, "{query}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(field), "{query}: {detail}");
    }
    for (name, value) in [
        ("Content-Type", "application/xml"),
        ("Content-Type", "text/plain; charset=utf-16"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Encoding", "br"),
        ("Content-Encoding", "gzip, zstd"),
        ("Content-Encoding", "snappy"),
    ] {
        let request = request(&api, &token, "POST", &path(&job)).header(name, value);
        assert_error(
            &request.body("x\n").send().await,
            415,
            "unsupported-media-type",
        );
    }
    assert!(texts(&api, &job).await.is_empty());
}
