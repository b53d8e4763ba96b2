//! Appends that wait for replicas (`RedisOptions::min_replicas`).

use std::time::Duration;

use log_domain::Numbering;
use log_store::conformance::fresh_job;
use log_store::redis::{CheckError, RedisStore, WatchMode};
use log_store::{LogAppend, LogStore as _, NumberedAppend as _};
use tokio::time::{Instant, sleep};

use crate::sentinel::{line, numbers, two_servers};
use crate::support::{connected, options, soon};

/// How long an append waits.
const DEADLINE: Duration = Duration::from_secs(1);

fn waiting(url: String, replicas: u32) -> RedisStore {
    let waiting = options(url, WatchMode::Auto)
        .deadline(DEADLINE)
        .min_replicas(replicas);
    RedisStore::new(waiting).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_returns_when_a_replica_has_it_and_fails_in_time_if_none_has() {
    let (primary, replica) = two_servers().await;
    replica.follow(&primary).await;
    let store = waiting(primary.url(), 1);
    connected(&store).await;
    store.check_writes().await.unwrap();
    let job = fresh_job();
    let key = format!("job:{job}:logs");
    for number in 0..20 {
        store.append(&job, &[line(number)]).await.unwrap();
        // At once: nothing has to be waited for any more.
        let there = replica.command(&["XLEN", &key]).await.int();
        assert_eq!(there, number + 1);
    }
    replica.pause().await;
    let begun = Instant::now();
    let refused = store.append(&job, &[line(20)]).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    assert!(refused.to_string().contains("0 of 1 replicas"), "{refused}");
    assert!(begun.elapsed() < DEADLINE + Duration::from_secs(2));
    let refused = LogAppend::confirm(&store, &job).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused}");
    // Meanwhile others read and write.
    let others = waiting(primary.url(), 0);
    others.append(&job, &[line(21)]).await.unwrap();
    assert_eq!(store.bounds(&job).await.unwrap().length, 22);
    replica.unpause().await;
    soon("the replica", async {
        while LogAppend::confirm(&store, &job).await.is_err() {}
    })
    .await;
    assert_eq!(replica.command(&["XLEN", &key]).await.int(), 22);
    assert_eq!(numbers(&store, &job).await, (0..22).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_numbered_append_that_replicas_lacked_is_there_once_when_it_is_repeated() {
    let (primary, replica) = two_servers().await;
    replica.follow(&primary).await;
    let store = waiting(primary.url(), 1);
    connected(&store).await;
    let job = fresh_job();
    let batch = Numbering::new("worker".parse().unwrap(), 0, 0).unwrap();
    let lines = [line(0), line(1)];
    replica.pause().await;
    for _ in 0..2 {
        // Also the repetition, of which no line is new.
        let refused = store.append_numbered(&job, &batch, &lines).await;
        assert!(refused.is_err(), "{refused:?}");
    }
    replica.unpause().await;
    let done = soon("the replica", async {
        loop {
            match store.append_numbered(&job, &batch, &lines).await {
                Ok(done) => return done,
                Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    });
    assert_eq!(done.await.duplicate, 2);
    assert_eq!(numbers(&store, &job).await, [0, 1]);
    let key = format!("job:{job}:logs");
    assert_eq!(replica.command(&["XLEN", &key]).await.int(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_may_not_wait_is_named_before_the_first_line() {
    let (primary, _) = two_servers().await;
    let mut rules = vec!["ACL", "SETUSER", "hasty", "on", "nopass"];
    rules.extend(["~*", "&*", "+@all", "-wait"]);
    primary.command(&rules).await;
    let url = primary.url_as("hasty", "x");
    let store = waiting(url.clone(), 1);
    connected(&store).await;
    let refused = store.check_writes().await.unwrap_err();
    let named = matches!(
        refused,
        CheckError::Permission {
            command: "WAIT",
            ..
        }
    );
    assert!(named, "{refused}");
    let store = waiting(url, 0);
    connected(&store).await;
    store.check_writes().await.unwrap();
}
