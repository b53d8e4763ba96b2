//! What the store writes, in the form of existing producers and consumers.

use std::time::{Duration, UNIX_EPOCH};

use log_domain::{JobStatus, UserId};
use log_store::conformance::{fresh_job, lifecycle};
use log_store::redis::{RedisStore, Retention, WatchMode};
use log_store::{JobWrites as _, LogAppend as _, NewJob, NewLine, Transition};
use test_support::RedisServer;

use crate::support::{Setup, connected, hash, logs, options, soon};

async fn fields(redis: &RedisServer, key: &str) -> Vec<(String, String)> {
    let flat = redis.command(&["HGETALL", key]).await.array();
    let pairs = flat.chunks(2);
    let mut pairs: Vec<_> = pairs.map(|pair| (pair[0].text(), pair[1].text())).collect();
    pairs.sort();
    pairs
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_created_and_changed_as_consumers_read_it() {
    let setup = Setup::shared(WatchMode::Auto).await;
    let job = fresh_job();
    let channel = format!("job:{job}:events");
    let mut consumer = setup.redis.client().await;
    consumer.command(&["SUBSCRIBE", &channel]).await;
    let new = NewJob::new(UserId::new("user_ann").unwrap(), UNIX_EPOCH);
    setup.store.create(&job, &new).await.unwrap();
    let created = pairs([
        ("created_at", "1970-01-01T00:00:00.000Z"),
        ("status", "queued"),
        ("user_id", "user_ann"),
    ]);
    assert_eq!(fields(&setup.redis, &hash(&job)).await, created);
    let step = Transition {
        to: JobStatus::STARTING,
        message: "Starting".into(),
        at: UNIX_EPOCH + Duration::from_millis(1_001),
    };
    setup.store.transition(&job, &step).await.unwrap();
    let moved = pairs([
        ("created_at", "1970-01-01T00:00:00.000Z"),
        ("status", "starting"),
        ("status_message", "Starting"),
        ("updated_at", "1970-01-01T00:00:01.001Z"),
        ("user_id", "user_ann"),
    ]);
    assert_eq!(fields(&setup.redis, &hash(&job)).await, moved);
    // The first message is about the step: a creation publishes nothing.
    let message = soon("the message", consumer.next()).await.unwrap().array();
    let expected = format!(
        r#"{{"type":"build.stage.started","job_id":"{job}","status":"starting","stage":"starting","stage_label":"Starting","message":"Starting","timestamp":"1970-01-01T00:00:01.001Z"}}"#
    );
    assert_eq!(message[2].text(), expected);
    assert_eq!(setup.redis.command(&["TTL", &hash(&job)]).await.int(), -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_is_what_producers_append() {
    let setup = Setup::shared(WatchMode::Auto).await;
    let job = fresh_job();
    let line = NewLine {
        ts: Some("1970-01-01T00:00:00.000Z".into()),
        source: Some("stdout".into()),
        text: Some("hello".into()),
        phase: None,
        open: false,
    };
    let ids = setup
        .store
        .append(&job, &[line, NewLine::default()])
        .await
        .unwrap();
    let entries = setup
        .redis
        .command(&["XRANGE", &logs(&job), "-", "+"])
        .await
        .array();
    let first = entries[0].clone().array();
    assert_eq!(first[0].text(), ids[0].to_string());
    let fields: Vec<_> = first[1]
        .clone()
        .array()
        .iter()
        .map(test_support::Value::text)
        .collect();
    assert_eq!(
        fields,
        [
            "ts",
            "1970-01-01T00:00:00.000Z",
            "source",
            "stdout",
            "text",
            "hello"
        ]
    );
    assert_eq!(entries.len(), 2);
    let ttl = setup.redis.command(&["TTL", &logs(&job)]).await.int();
    assert!((86_390..=86_400).contains(&ttl), "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_runs_out_of_memory_has_appended_nothing() {
    let setup = Setup::own(WatchMode::Auto).await;
    let job = fresh_job();
    let line = NewLine {
        text: Some("x".repeat(1_000)),
        ..NewLine::default()
    };
    let lines = vec![line; 400];
    let full = ["CONFIG", "SET", "maxmemory", "1"];
    setup.redis.command(&full).await;
    let refused = setup.store.append(&job, &lines).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    setup
        .redis
        .command(&["CONFIG", "SET", "maxmemory", "0"])
        .await;
    assert_eq!(setup.redis.command(&["EXISTS", &logs(&job)]).await.int(), 0);
    assert_eq!(setup.store.append(&job, &lines).await.unwrap().len(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_trimmed_to_its_retention_and_renews_its_life() {
    let redis = RedisServer::shared().await;
    let mut kept = options(redis.url(), WatchMode::Auto);
    kept.retention = Retention::default().lines(200).ttl(Duration::from_secs(60));
    let store = RedisStore::new(kept).unwrap();
    connected(&store).await;
    let job = fresh_job();
    let lines = vec![NewLine::default(); 1_000];
    assert_eq!(store.append(&job, &lines).await.unwrap().len(), 1_000);
    let length = redis.command(&["XLEN", &logs(&job)]).await.int();
    assert!((200..=300).contains(&length), "{length}");
    redis.command(&["EXPIRE", &logs(&job), "5"]).await;
    store.append(&job, &lines[..1]).await.unwrap();
    let ttl = redis.command(&["TTL", &logs(&job)]).await.int();
    assert!((50..=60).contains(&ttl), "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_of_many_lines_is_one_command_and_each_field_stays_in_its_place() {
    let setup = Setup::own(WatchMode::Auto).await;
    let job = fresh_job();
    // Every set of fields, again and again.
    let lines: Vec<_> = (0..500_usize)
        .map(|n| {
            let field = |bit: usize, name: &str| (n >> bit & 1 == 1).then(|| format!("{name} {n}"));
            NewLine {
                ts: field(0, "ts").map(Into::into),
                source: field(1, "source").map(Into::into),
                text: field(2, ""),
                phase: field(3, "phase"),
                open: n >> 4 & 1 == 1,
            }
        })
        .collect();
    let before = crate::fred::calls(&setup.redis, "eval").await;
    let ids = setup.store.append(&job, &lines).await.unwrap();
    assert_eq!(crate::fred::calls(&setup.redis, "eval").await, before + 1);
    let limit = log_domain::ReadLimit::lines(1_000);
    let tail =
        log_store::LogStore::read_after(&setup.store, &job, log_domain::EntryId::ZERO, limit);
    let read = tail.await.unwrap().lines;
    assert_eq!(read.iter().map(|line| line.id).collect::<Vec<_>>(), ids);
    for (written, read) in lines.iter().zip(read) {
        assert_eq!((&written.ts, &written.source), (&read.ts, &read.source));
        assert_eq!((&written.text, &written.phase), (&read.text, &read.phase));
        assert_eq!(written.open, read.open);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redis_store_keeps_a_lifecycle_of_its_own() {
    let redis = RedisServer::shared().await;
    let store =
        RedisStore::new(options(redis.url(), WatchMode::Auto).lifecycle(lifecycle::example()))
            .unwrap();
    connected(&store).await;
    lifecycle::a_store_keeps_a_lifecycle_of_its_own(&store).await;
}
