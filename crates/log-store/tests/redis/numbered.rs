//! What numbered appends keep in Redis, and what becomes of an append that fails in the middle.

use std::time::SystemTime;

use log_domain::{EntryId, JobId, Numbering, UserId};
use log_store::conformance::fresh_job;
use log_store::redis::WatchMode;
use log_store::{JobWrites as _, LogStore as _, NewJob, NewLine, NumberedAppend as _};

use crate::support::{Setup, hash, logs};

fn lines(count: usize) -> Vec<NewLine> {
    let line = |n: usize| NewLine {
        text: Some(n.to_string()),
        ..NewLine::default()
    };
    (0..count).map(line).collect()
}

fn from(first: u64) -> Numbering {
    Numbering::new("w".parse().unwrap(), 0, first).unwrap()
}

fn counts(job: &JobId) -> String {
    format!("log-api:producer:{{{}}}", logs(job))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_in_the_slot_of_its_log_and_outlives_it_for_a_while() {
    let (setup, job) = (Setup::shared(WatchMode::Auto).await, fresh_job());
    setup.store.check_numbered().await.unwrap();
    let done = setup.store.append_numbered(&job, &from(0), &lines(3)).await;
    let last = done.unwrap().last_id.unwrap();
    let redis = &setup.redis;
    let state = redis.command(&["HGET", &counts(&job), "w"]).await.text();
    assert_eq!(state, format!("0 3 {last}"));
    let ttl = async |key: String| redis.command(&["TTL", &key]).await.int();
    let (log, count) = (ttl(logs(&job)).await, ttl(counts(&job)).await);
    assert!(log > 0 && count > log, "{log} {count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_before_one_that_cannot_be_added_are_counted() {
    let (setup, job) = (Setup::shared(WatchMode::Auto).await, fresh_job());
    let nearly_last = EntryId::new(u64::MAX, u64::MAX - 2).to_string();
    setup
        .redis
        .command(&["XADD", &logs(&job), &nearly_last, "text", "foreign"])
        .await;
    let refused = setup.store.append_numbered(&job, &from(0), &lines(5)).await;
    assert!(refused.is_err(), "{refused:?}");
    let state = setup.store.producer(&job, &"w".parse().unwrap()).await;
    let state = state.unwrap().unwrap();
    assert_eq!((state.next, state.last_id), (2, EntryId::MAX));
    let bounds = setup.store.bounds(&job).await.unwrap();
    assert_eq!(bounds.entries_added, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_damaged_is_refused_and_adds_nothing() {
    let (setup, job) = (Setup::shared(WatchMode::Auto).await, fresh_job());
    setup
        .store
        .append_numbered(&job, &from(0), &lines(1))
        .await
        .unwrap();
    setup
        .redis
        .command(&["HSET", &counts(&job), "w", "nonsense"])
        .await;
    let refused = setup.store.append_numbered(&job, &from(1), &lines(1)).await;
    assert!(refused.is_err(), "{refused:?}");
    let bounds = setup.store.bounds(&job).await.unwrap();
    assert_eq!(bounds.entries_added, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_keeps_the_fields_that_are_not_ours() {
    let (setup, job) = (Setup::shared(WatchMode::Auto).await, fresh_job());
    let mut new = NewJob::new(UserId::new("ann").unwrap(), SystemTime::now());
    new.fields = vec![
        ("project_id".into(), "p-1".into()),
        ("tier".into(), "".into()),
    ];
    setup.store.create(&job, &new).await.unwrap();
    let read = setup
        .redis
        .command(&["HMGET", &hash(&job), "project_id", "tier", "status"])
        .await
        .array();
    let texts: Vec<_> = read.iter().map(test_support::Value::text).collect();
    assert_eq!(texts, ["p-1", "", "queued"]);
}
