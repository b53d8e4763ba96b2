//! Redis takes no writes for a while: a worker gets 503 and loses nothing, readers read on, and the service stays ready.

use std::time::Duration;

use test_support::{RedisServer, SseReader, Trouble};
use tokio::time::sleep;

use super::{append, assert_error, create, path, request, service_with, texts};
use crate::support::{ANN, Api};

/// Longer than an answer of the readiness probe is kept.
const PROBED: Duration = Duration::from_millis(700);

/// Longer than any line takes on a busy machine.
const SOON: Duration = Duration::from_secs(10);

async fn follow(api: &Api, job: &str) -> SseReader {
    let target = format!("{}/stream?from=start", path(job));
    let reader = SseReader::open(api.client(ANN).get(&target)).await;
    assert_eq!(reader.status, 200);
    reader
}

/// The next line of a stream, after any heartbeats.
async fn next_text(reader: &mut SseReader) -> String {
    loop {
        let event = reader.expect(SOON).await;
        if event.event == "log" {
            let line: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            return line["text"].as_str().unwrap().to_owned();
        }
        assert_eq!(event.event, "heartbeat");
    }
}

async fn writers_wait(api: &Api, job: &str, token: &str) {
    let refused = append(api, token, job, 1, "two\n").await;
    assert_error(&refused, 503, "store-unavailable");
    assert!(refused.header("retry-after").is_some());
    let step = request(api, token, "PATCH", &path(job)).body(r#"{"status":"starting"}"#);
    assert_error(&step.send().await, 503, "store-unavailable");
}

async fn readers_read_on(api: &Api, job: &str) {
    sleep(PROBED).await;
    let ready = api.anonymous().get("/readyz").send().await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert_eq!(texts(api, job).await, ["one"]);
    let status = api.get(&format!("{}/status", path(job))).await;
    assert_eq!(status.status, 200, "{}", status.text());
}

async fn through(trouble: Trouble) {
    let redis = RedisServer::start_for_trouble().await;
    let api = service_with(&redis, &[], &[]).await;
    let (job, token) = create(&api).await;
    assert_eq!(append(&api, &token, &job, 0, "one\n").await.status, 200);
    let mut before = follow(&api, &job).await;
    assert_eq!(next_text(&mut before).await, "one");

    redis.be_in(trouble, true).await;
    writers_wait(&api, &job, &token).await;
    readers_read_on(&api, &job).await;
    let mut meanwhile = follow(&api, &job).await;
    assert_eq!(next_text(&mut meanwhile).await, "one");

    redis.be_in(trouble, false).await;
    let sent = append(&api, &token, &job, 1, "two\n").await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    assert_eq!(texts(&api, &job).await, ["one", "two"]);
    for reader in [&mut before, &mut meanwhile] {
        assert_eq!(next_text(reader).await, "two");
    }
}

#[tokio::test]
async fn while_redis_cannot_save_a_worker_waits_and_readers_read_on() {
    through(Trouble::CannotSave).await;
}

#[tokio::test]
async fn while_redis_is_full_a_worker_waits_and_readers_read_on() {
    through(Trouble::Full).await;
}
