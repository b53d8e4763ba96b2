//! The live stream in the formats for scripts: `application/x-ndjson` and `text/plain`, by `Accept`.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Body, BodyEnd, RedisServer, Response};
use tokio::time::timeout;

use super::client::{SOON, numbered};
use crate::support::{Api, Job};

async fn open(api: &Api, job: &Job, query: &str, accept: &str) -> Response {
    let request = api.stream(job, query).header("Accept", accept);
    let response = request.open().await;
    assert_eq!(response.status, 200, "{accept}");
    response
}

/// Reads until the body contains this text.
async fn read_until(body: &mut Body, text: &str) -> String {
    let mut read = String::new();
    while !read.contains(text) {
        let piece = timeout(SOON, body.next()).await.expect(&read);
        read += std::str::from_utf8(&piece.expect(&read)).unwrap();
    }
    read
}

/// The rest of a body, and how it ended.
async fn rest(mut body: Body) -> (String, BodyEnd) {
    let mut read = Vec::new();
    while let Some(piece) = timeout(SOON, body.next()).await.expect("an end") {
        read.extend(piece);
    }
    (String::from_utf8(read).unwrap(), body.end().unwrap())
}

fn objects(text: &str) -> Vec<Value> {
    let lines = text.split_terminator('\n');
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn the_accept_header_chooses_the_format_and_without_a_choice_it_is_an_event_stream() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let (sse, ndjson, text) = (
        "text/event-stream",
        "application/x-ndjson",
        "text/plain; charset=utf-8",
    );
    for (accept, expected) in [
        ("text/event-stream", sse),
        ("*/*", sse),
        ("text/*", sse),
        ("", sse),
        ("application/json", sse),
        ("rubbish", sse),
        (
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            sse,
        ),
        ("application/x-ndjson", ndjson),
        ("Application/X-NDJSON", ndjson),
        ("application/x-ndjson, */*;q=0.1", ndjson),
        ("text/plain;q=0.5, application/x-ndjson", ndjson),
        ("text/plain", text),
        ("text/plain; charset=utf-8", text),
        ("application/x-ndjson;q=0.3, text/plain;q=0.4", text),
        ("text/event-stream, text/plain;q=0.9", sse),
    ] {
        let head = open(&api, &job, "", accept).await;
        assert_eq!(head.header("content-type"), Some(expected), "{accept}");
        assert!(head.header("vary").unwrap().contains("Accept"), "{accept}");
        assert_eq!(head.header("cache-control"), Some("no-cache, no-transform"));
    }
    let none = api.stream(&job, "").open().await;
    assert_eq!(none.header("content-type"), Some(sse));
}

#[tokio::test]
async fn ndjson_has_the_lines_of_the_history_and_an_object_for_everything_else() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["1-0", "2-0", "3-0"]).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "1"])
        .await;
    let mut response = open(&api, &job, "?after_id=1-0", "application/x-ndjson").await;
    let mut all = read_until(&mut response.body, "\"3-0\",\"phase\":null}\n").await;
    all += &read_until(&mut response.body, "heartbeat").await;
    job.append_all(["\u{2028}\r\n\"", ""]).await;
    job.set_status("ready").await;
    let (last, end) = rest(response.body).await;
    assert_eq!(end, BodyEnd::Whole);

    let mut seen = objects(&format!("{all}{last}"));
    seen.retain(|object| *object != json!({"event": "heartbeat"}));
    let page = api.get(&job.path()).await.json();
    let lines = page["lines"].as_array().unwrap();
    let gap = json!({"event": "gap", "after_id": "1-0", "first_id": "3-0"});
    let done = json!({"event": "done", "status": "ready"});
    assert_eq!(seen, [&[gap], &lines[..], &[done]].concat());
}

#[tokio::test]
async fn text_has_the_texts_and_a_sentence_for_each_gap_and_is_silent_otherwise() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["1-0", "2-0", "3-0"]).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "1"])
        .await;
    let mut response = open(&api, &job, "?after_id=1-0", "text/plain").await;
    let mut all = read_until(&mut response.body, "\n3-0\n").await;
    // Two heartbeats are due in this time.
    let silence = timeout(Duration::from_millis(2_500), response.body.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    job.append_all(["{\"ü\"}", ""]).await;
    job.append_entry("*", &[b"source", b"system"]).await;
    job.set_status("failed").await;
    let (last, end) = rest(response.body).await;
    all += &last;
    assert_eq!(end, BodyEnd::Whole);
    let gap = "--- lines after 1-0 may be missing; the log goes on with 3-0 ---";
    assert_eq!(all, format!("{gap}\n3-0\n{{\"ü\"}}\n\n\n"));
}

#[tokio::test]
async fn every_format_resumes_and_catches_up_on_a_long_log() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(numbered(0..3_000)).await;
    job.set_status("ready").await;
    let query = format!("?after_id={}", ids[0]);
    let (text, _) = rest(open(&api, &job, &query, "text/plain").await.body).await;
    assert_eq!(text.lines().collect::<Vec<_>>(), numbered(1..3_000));
    let (ndjson, _) = rest(open(&api, &job, &query, "application/x-ndjson").await.body).await;
    let lines = objects(&ndjson);
    let texts = lines.iter().filter_map(|line| line["text"].as_str());
    assert_eq!(texts.collect::<Vec<_>>(), numbered(1..3_000));
    for accept in ["text/plain", "application/x-ndjson"] {
        let request = api.stream(&job, "").header("Accept", accept);
        let answer = request.header("Last-Event-ID", &ids[2_999]).send().await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{accept}");
    }
}

#[tokio::test]
async fn a_stream_that_must_end_early_breaks_its_body_in_every_format() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[("LOG_API_SHUTDOWN_SECS", "4")]).await;
    let job = Job::new(&redis).await;
    let mut open_streams = Vec::new();
    for accept in ["text/event-stream", "application/x-ndjson", "text/plain"] {
        let mut response = open(&api, &job, "", accept).await;
        job.append("line").await;
        read_until(&mut response.body, "line").await;
        open_streams.push((accept, response.body));
    }
    api.terminate();
    for (accept, body) in open_streams {
        let (last, end) = rest(body).await;
        assert_eq!(end, BodyEnd::BrokenOff, "{accept}");
        assert!(!last.contains("done"), "{accept}: {last}");
    }
    assert_eq!(api.ended(SOON).await.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_must_come_back_with_a_fresh_token_is_told_so_or_sees_a_break() {
    let redis = RedisServer::shared().await;
    let settings = [
        ("LOG_API_STREAM_LEASE_SECS", "1"),
        ("LOG_API_STREAM_LEASE_MODE", "reauth"),
    ];
    let api = Api::start(&redis.url(), &settings).await;
    let job = Job::new(&redis).await;
    job.append_ids(&["7-0"]).await;
    let (ndjson, end) = rest(open(&api, &job, "", "application/x-ndjson").await.body).await;
    assert_eq!(end, BodyEnd::Whole);
    let reauth = json!({"event": "reauth", "after_id": "7-0"});
    assert_eq!(objects(&ndjson).last(), Some(&reauth));
    let (text, end) = rest(open(&api, &job, "", "text/plain").await.body).await;
    assert_eq!((text.as_str(), end), ("", BodyEnd::BrokenOff));
}
