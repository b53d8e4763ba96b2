//! `?stream=1`: a body that lasts as long as the build.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{create, path, service, texts};
use crate::support::Api;

/// A body under way, in chunks.
struct Upload {
    socket: TcpStream,
}

impl Upload {
    async fn begin(api: &Api, job: &str, token: &str, headers: &str) -> Self {
        let mut socket = TcpStream::connect(api.addr).await.unwrap();
        let head = format!(
            "POST {}?stream=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\
             Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
            path(job)
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        Self { socket }
    }

    async fn send(&mut self, piece: &str) {
        let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
        self.socket.write_all(chunk.as_bytes()).await.unwrap();
    }

    /// Ends the body, and returns the answer.
    async fn end(mut self) -> (u16, serde_json::Value) {
        self.socket.write_all(b"0\r\n\r\n").await.unwrap();
        self.answer().await
    }

    /// The answer, also where the connection stays open.
    async fn answer(mut self) -> (u16, serde_json::Value) {
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer);
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return (status, body);
            }
            let mut more = [0; 4096];
            let read = self.socket.read(&mut more).await.unwrap();
            assert!(read > 0, "the connection ended: {answer:?}");
            answer.extend_from_slice(&more[..read]);
        }
    }
}

async fn until_texts(api: &Api, job: &str, expected: &[&str]) {
    let begin = tokio::time::Instant::now();
    loop {
        let texts = texts(api, job).await;
        if texts == expected {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{texts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn lines_are_there_while_the_build_still_runs() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let mut upload = Upload::begin(&api, &job, &token, "").await;
    upload.send("first\nhal").await;
    until_texts(&api, &job, &["first"]).await;
    upload.send("f\n").await;
    until_texts(&api, &job, &["first", "half"]).await;
    upload.send("without a newline").await;
    let (status, body) = upload.end().await;
    assert_eq!((status, &body["appended"]), (200, &3.into()), "{body}");
    assert_eq!(
        texts(&api, &job).await,
        ["first", "half", "without a newline"]
    );
}

#[tokio::test]
async fn a_numbered_body_that_broke_off_goes_on_where_it_was() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let headers = "Log-Producer: w\r\nLog-Line: 0\r\n";
    let mut upload = Upload::begin(&api, &job, &token, headers).await;
    upload.send("0\n1\n2").await;
    until_texts(&api, &job, &["0", "1"]).await;
    drop(upload);
    let mut upload = Upload::begin(&api, &job, &token, headers).await;
    upload.send("0\n1\n2\n3\n").await;
    let (status, body) = upload.end().await;
    assert_eq!(
        (status, &body["next"], &body["duplicate"]),
        (200, &4.into(), &2.into())
    );
    assert_eq!(texts(&api, &job).await, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_malformed_line_ends_the_body_and_what_came_before_is_kept() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let headers = "Content-Type: application/x-ndjson\r\n";
    let mut upload = Upload::begin(&api, &job, &token, headers).await;
    upload.send("{\"text\":\"a\"}\n\n{\"text\":1}\n").await;
    let (status, body) = upload.answer().await;
    assert_eq!(
        (status, &body["code"], &body["line"]),
        (422, &"line-malformed".into(), &2.into())
    );
    assert_eq!(texts(&api, &job).await, ["a"]);
}

#[tokio::test]
async fn a_line_of_100_mb_is_cut_and_says_how_much_is_missing() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let mut upload = Upload::begin(&api, &job, &token, "").await;
    let piece = "x".repeat(1024 * 1024);
    for _ in 0..100 {
        upload.send(&piece).await;
    }
    upload.send("\nnext\n").await;
    let (status, body) = upload.end().await;
    assert_eq!((status, &body["appended"]), (200, &2.into()), "{body}");
    let texts = texts(&api, &job).await;
    assert!(texts[0].ends_with(&format!("… [{} bytes cut]", 99 * 1024 * 1024)));
    assert_eq!(texts[1], "next");
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_keep_the_service_from_stopping() {
    let (_redis, mut api) = service().await;
    let (job, token) = create(&api).await;
    let mut upload = Upload::begin(&api, &job, &token, "Log-Producer: w\r\nLog-Line: 0\r\n").await;
    upload.send("0\n1\n").await;
    until_texts(&api, &job, &["0", "1"]).await;
    api.terminate();
    let (status, body) = upload.answer().await;
    assert_eq!(
        (status, &body["code"], &body["next"]),
        (503, &"draining".into(), &2.into())
    );
    assert!(api.ended(Duration::from_secs(30)).await.success());
}
