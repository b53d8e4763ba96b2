//! Odd replies: keys of another type, passwords of any characters, a small tracking table, servers without a command.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log_domain::{EntryId, JobStatus, Order, Span};
use log_store::conformance::fresh_job;
use log_store::redis::{CheckError, RedisStore, WatchMode};
use log_store::{Jobs, LogAppend as _, LogStore, NewLine, StoreError, TicketKey, Tickets as _};
use test_support::{RedisOptions, RedisServer};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::fred::calls;
use crate::support::{ALL, Follower, MODES, Setup, connected, hash, logs, options, produce, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_is_no_log_and_no_job() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        for key in [logs(&job), hash(&job)] {
            setup.redis.command(&["SET", &key, "something else"]).await;
        }
        let store = &setup.store;
        let answers = [
            store.read_after(&job, EntryId::ZERO, ALL).await.map(drop),
            store.bounds(&job).await.map(drop),
            store
                .read(&job, Span::default(), Order::NewestFirst, ALL)
                .await
                .map(drop),
            store.append(&job, &[NewLine::default()]).await.map(drop),
        ];
        for answer in answers {
            assert!(matches!(answer, Err(StoreError::NotALog(_))), "{answer:?}");
        }
        assert_eq!(store.get(&job).await.unwrap(), None);
        assert_eq!(store.watch_job(&job).get().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_a_log_that_becomes_something_else_waits_for_the_next_one() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        produce(&setup.redis, &job, 1..=2).await;
        let mut watch = setup.store.watch_log(&job);
        watch.read_after(EntryId::ZERO, ALL).await.unwrap();
        setup.redis.command(&["SET", &logs(&job), "x"]).await;
        let gone = async {
            loop {
                watch.changed().await;
                let tail = watch.read_after(EntryId::new(2, 0), ALL).await.unwrap();
                if tail.gap(EntryId::new(2, 0)).is_some() {
                    return;
                }
            }
        };
        soon("the loss", gone).await;
        setup.redis.command(&["DEL", &logs(&job)]).await;
        produce(&setup.redis, &job, 3..=3).await;
        let again = async {
            loop {
                watch.changed().await;
                let tail = watch.read_after(EntryId::ZERO, ALL).await.unwrap();
                if tail.lines.len() == 1 {
                    return;
                }
            }
        };
        soon("the new log", again).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_may_have_any_characters() {
    let redis = RedisServer::shared().await;
    let passwords = [
        ("space", "a b", "a%20b"),
        ("line", "a\r\nFLUSHALL\r\n", "a%0D%0AFLUSHALL%0D%0A"),
        ("quote", "\"'\\", "%22%27%5C"),
    ];
    for (user, password, encoded) in passwords {
        let rule = format!(">{password}");
        let command = [
            "ACL", "SETUSER", user, "reset", "on", &rule, "~*", "&*", "+@all",
        ];
        redis.command(&command).await;
        let job = fresh_job();
        produce(&redis, &job, [1]).await;
        for mode in MODES {
            let url = redis.url_as(user, encoded);
            let store = RedisStore::new(options(url, mode)).unwrap();
            let facts = store.check().await.unwrap();
            assert_eq!(facts.tracks, mode == WatchMode::Tracking);
            Follower::new(&store, &job).follow(1).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_tracking_table_makes_watches_poll_and_no_storm() {
    let small = RedisOptions {
        args: vec!["--tracking-table-max-keys".into(), "10".into()],
        ..RedisOptions::default()
    };
    let redis = Arc::new(RedisServer::start_with(small).await);
    let setup = Setup::on(Arc::clone(&redis), WatchMode::Tracking).await;
    let mut readers = JoinSet::new();
    let (reads, lines) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let jobs: Vec<_> = (0..200).map(|_| fresh_job()).collect();
    for job in &jobs {
        let mut watch = setup.store.watch_log(job);
        let (reads, lines) = (Arc::clone(&reads), Arc::clone(&lines));
        readers.spawn(async move {
            let mut position = EntryId::ZERO;
            loop {
                watch.changed().await;
                let tail = watch.read_after(position, ALL).await.unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
                if let Some(line) = tail.lines.last() {
                    position = line.id;
                    lines.fetch_add(tail.lines.len() as u64, Ordering::Relaxed);
                }
            }
        });
    }
    // Long enough to have slowed down.
    sleep(Duration::from_secs(5)).await;
    reads.store(0, Ordering::Relaxed);
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    sleep(Duration::from_secs(3)).await;
    let (asked, read) = (calls(&redis, "xrange").await, reads.load(Ordering::Relaxed));
    // Each of them about once a second.
    assert!(asked <= 200 * 5, "{asked} in three seconds");
    assert!(read >= 200, "{read}: they still look");
    for job in &jobs {
        produce(&redis, job, 1..=3).await;
    }
    soon("every line", async {
        while lines.load(Ordering::Relaxed) < 600 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(lines.load(Ordering::Relaxed), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_client_is_named_as_that() {
    let without = RedisOptions {
        args: vec!["--rename-command".into(), "CLIENT".into(), String::new()],
        ..RedisOptions::default()
    };
    let redis = RedisServer::start_with(without).await;
    let store = RedisStore::new(options(redis.url(), WatchMode::Auto)).unwrap();
    assert!(!store.check().await.unwrap().tracks, "it polls");
    let job = fresh_job();
    let mut follower = Follower::new(&store, &job);
    produce(&redis, &job, 1..=3).await;
    follower.follow(3).await;
    let error = store.check_writes().await.unwrap_err();
    assert!(matches!(error, CheckError::Permission { .. }), "{error:?}");
    assert!(error.to_string().contains("CLIENT"), "{error}");
    assert!(!error.to_string().contains("EVAL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_may_not_do_is_an_outage_that_waits() {
    let redis = RedisServer::start().await;
    let set = |rule: &'static str| {
        let redis = &redis;
        async move {
            let rules = [
                "ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", rule,
            ];
            redis.command(&rules).await;
        }
    };
    set("+@all").await;
    let url = redis.url_as("worker", "secret");
    let store = RedisStore::new(options(url, WatchMode::Auto)).unwrap();
    connected(&store).await;
    let (job, ticket) = (fresh_job(), TicketKey::new([5; 32]));
    for rule in [
        "-xadd", "-eval", "-@read", "-xinfo", "-hmget", "-set", "-@all",
    ] {
        set(rule).await;
        let answers = [
            store.append(&job, &[NewLine::default()]).await.map(drop),
            store.read_after(&job, EntryId::ZERO, ALL).await.map(drop),
            store.get(&job).await.map(drop),
            store
                .put(&ticket, "grant", Duration::from_secs(9))
                .await
                .map(drop),
        ];
        assert!(answers.iter().any(Result::is_err), "{rule}");
        for answer in answers {
            let waits = answer.as_ref().err().is_none_or(StoreError::is_retryable);
            assert!(waits, "{rule}: {answer:?}");
        }
        set("+@all").await;
        store.append(&job, &[NewLine::default()]).await.unwrap();
    }
    redis
        .command(&["HSET", &hash(&job), "status", "ready"])
        .await;
    assert_eq!(
        store.get(&job).await.unwrap().unwrap().status,
        JobStatus::READY
    );
}
