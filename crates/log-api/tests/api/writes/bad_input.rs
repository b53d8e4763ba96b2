//! Bodies that are malformed, too large, too slow or cut off: the status of the contract, and nothing stored.

use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ALL, append, assert_error, create, path, request, service, texts};

#[tokio::test]
async fn a_malformed_line_is_named_and_nothing_of_its_body_is_appended() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let body = "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":5}\n";
    let answer = request(&api, &token, "POST", &path(&job))
        .header("Content-Type", "application/x-ndjson")
        .body(body)
        .send()
        .await;
    assert_error(&answer, 422, "line-malformed");
    assert_eq!(answer.json()["line"], 2);
    assert!(texts(&api, &job).await.is_empty());
}

#[tokio::test]
async fn every_malformed_head_is_refused_by_name() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    for (name, value, status, field) in [
        ("Log-Line", "x", 422, "Log-Line"),
        ("Log-Line", "1", 422, "Log-Producer"),
        ("Log-Epoch", "-1", 422, "Log-Epoch"),
        ("Log-Producer", "a/b", 422, "Log-Producer"),
        ("Log-Source", "out", 422, "Log-Source"),
        ("Content-Type", "text/html", 415, ""),
        ("Content-Encoding", "br", 415, ""),
    ] {
        let request = request(&api, &token, "POST", &path(&job)).header(name, value);
        let answer = request.body("x\n").send().await;
        assert_eq!(answer.status, status, "{name}: {value}: {}", answer.text());
        if status == 422 {
            assert_eq!(answer.json()["field"], field);
        } else {
            assert_eq!(answer.json()["code"], "unsupported-media-type");
        }
    }
    let answer = request(&api, &ALL.text, "POST", "/api/jobs/a.b/logs")
        .body("x")
        .send()
        .await;
    assert_error(&answer, 422, "invalid-parameter");
    assert_eq!(answer.json()["field"], "job_id");
    let target = format!("{}/producers/a%2Fb", path(&job));
    let answer = request(&api, &token, "GET", &target).send().await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(texts(&api, &job).await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_says_the_limits() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let many = "\n".repeat(20_001);
    let large = vec![b'x'; 8 * 1024 * 1024 + 1];
    for body in [many.into_bytes(), large] {
        let answer = append(&api, &token, &job, 0, body).await;
        assert_error(&answer, 413, "body-too-large");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("8388608 bytes") && detail.contains("20000 lines"),
            "{detail}"
        );
    }
    assert!(texts(&api, &job).await.is_empty());
    let whole = append(&api, &token, &job, 0, vec![b'x'; 8 * 1024 * 1024]).await;
    assert_eq!(whole.status, 200, "{}", whole.text());
    let texts = texts(&api, &job).await;
    assert!(
        texts[0].ends_with("… [7340032 bytes cut]"),
        "{}",
        texts[0].len()
    );
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let zeros = vec![0; 50 * 1024 * 1024];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&zeros).unwrap();
    for (encoding, body) in [
        ("gzip", gzip.finish().unwrap()),
        ("zstd", zstd::encode_all(zeros.as_slice(), 3).unwrap()),
    ] {
        let request =
            request(&api, &token, "POST", &path(&job)).header("Content-Encoding", encoding);
        assert_error(&request.body(body).send().await, 413, "body-too-large");
    }
    let request = request(&api, &token, "POST", &path(&job)).header("Content-Encoding", "gzip");
    assert_error(
        &request.body("plain\n").send().await,
        422,
        "invalid-parameter",
    );
    assert!(texts(&api, &job).await.is_empty());
}

/// The head and body of an append, byte by byte as it is sent.
fn raw(job: &str, token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nLog-Producer: w\r\nLog-Line: 0\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        path(job),
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn a_batch_that_is_cut_at_any_byte_and_sent_again_is_appended_once() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let body: String = (0..20).map(|n| format!("line {n}\n")).collect();
    let bytes = raw(&job, &token, &body);
    for end in 0..=bytes.len() {
        let mut socket = TcpStream::connect(api.addr).await.unwrap();
        socket.write_all(&bytes[..end]).await.unwrap();
        drop(socket);
    }
    let answer = append(&api, &token, &job, 0, body).await;
    assert_eq!(answer.json()["next"], 20, "{}", answer.text());
    let expected: Vec<_> = (0..20).map(|n| format!("line {n}")).collect();
    assert_eq!(texts(&api, &job).await, expected);
}

#[tokio::test]
async fn others_do_not_wait_for_a_body_that_is_slow_to_come() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let bytes = raw(&job, &token, "slow\n");
    let mut slow = TcpStream::connect(api.addr).await.unwrap();
    let (head, body) = bytes.split_at(bytes.len() - 5);
    slow.write_all(head).await.unwrap();
    let (other, other_token) = create(&api).await;
    for (n, byte) in (0..).zip(body) {
        slow.write_all(&[*byte]).await.unwrap();
        let answer = append(&api, &other_token, &other, n, "x\n").await;
        assert_eq!(answer.status, 200);
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(texts(&api, &job).await, ["slow"]);
}

#[tokio::test]
async fn ten_thousand_producers_of_one_job_are_each_known() {
    let (_redis, api) = service().await;
    let (job, token) = create(&api).await;
    let workers = (0..8_u32).map(|worker| {
        let (client, token, path) = (api.anonymous(), token.clone(), path(&job));
        tokio::spawn(async move {
            for n in 0..1_250 {
                let name = format!("p{worker}-{n}");
                let request = client.clone().with_bearer(&token).request("POST", &path);
                let request = request
                    .header("Log-Producer", &name)
                    .header("Log-Line", "0")
                    .body("x\n");
                // A busy machine lets Redis miss its deadline. Then a worker sends the same again.
                let mut status = 503;
                while status == 503 {
                    status = request.clone().send().await.status;
                }
                assert_eq!(status, 200);
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    let again = request(&api, &token, "POST", &path(&job))
        .header("Log-Producer", "p3-77")
        .header("Log-Line", "0");
    assert_eq!(again.body("x\n").send().await.json()["duplicate"], 1);
}
