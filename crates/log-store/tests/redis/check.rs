//! The checks of a server: its version, its permissions, and the errors where they do not suffice.

use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobStatus, Order, Revocation, Revoked, Span, UserId};
use log_store::conformance::fresh_job;
use log_store::redis::{CheckError, RedisStore, WatchMode};
use log_store::{
    JobWrites, Jobs, LogAppend, LogStore, NewJob, NewLine, Revocations, TicketKey, Tickets as _,
    Transition,
};
use test_support::RedisServer;

use crate::fake;
use crate::support::{ALL, Follower, MODES, connected, hash, options, produce, soon};

/// The permissions for reading, as the module's documentation lists them.
const READER: [&str; 11] = [
    "+hmget",
    "+exists",
    "+xrange",
    "+xrevrange",
    "+xinfo|stream",
    "+ping",
    "+client|tracking",
    "+client|id",
    "+info",
    "~job:*",
    "resetchannels",
];

/// The permissions for a producer.
const PRODUCER: [&str; 11] = [
    "+xadd",
    "+xtrim",
    "+client|info",
    "+client|kill",
    "+expire",
    "+eval",
    "+hget",
    "+hset",
    "+publish",
    "+exists",
    "&job:*:events",
];

async fn user(redis: &RedisServer, name: &str, rules: &[&str]) {
    let mut command = vec!["ACL", "SETUSER", name, "reset", "on", ">secret"];
    command.extend(rules);
    redis.command(&command).await;
}

fn store(redis: &RedisServer, user: &str, watch: WatchMode) -> RedisStore {
    RedisStore::new(options(redis.url_as(user, "secret"), watch)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_current_server_passes_the_check() {
    let redis = RedisServer::shared().await;
    for mode in MODES {
        let store = RedisStore::new(options(redis.url(), mode)).unwrap();
        let facts = store.check().await.unwrap();
        assert_eq!(facts.tracks, mode == WatchMode::Tracking);
        let info = redis.command(&["INFO", "server"]).await.text();
        // Valkey has a version of its own beside that of Redis.
        assert!(info.contains(&format!("_version:{}\r", facts.version)));
        store.check_writes().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_the_documented_permissions_can_do_everything() {
    let redis = RedisServer::shared().await;
    let rules = [READER.as_slice(), &PRODUCER].concat();
    user(&redis, "all", &rules).await;
    let store = store(&redis, "all", WatchMode::Auto);
    assert!(store.check().await.unwrap().tracks);
    store.check_writes().await.unwrap();
    let job = fresh_job();
    let new = NewJob::new(UserId::new("ann").unwrap(), SystemTime::now());
    store.create(&job, &new).await.unwrap();
    let step = Transition {
        to: JobStatus::STARTING,
        message: String::new(),
        at: SystemTime::now(),
    };
    store.transition(&job, &step).await.unwrap();
    store.append(&job, &[NewLine::default()]).await.unwrap();
    store
        .read(&job, Span::default(), Order::NewestFirst, ALL)
        .await
        .unwrap();
    store.read_after(&job, EntryId::ZERO, ALL).await.unwrap();
    store.get(&job).await.unwrap();
    store.ping_logs().await.unwrap();
    let other = fresh_job();
    let mut follower = Follower::new(&store, &other);
    produce(&redis, &other, 1..=3).await;
    follower.follow(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_and_revocations_need_the_documented_permissions_and_no_more() {
    let redis = RedisServer::shared().await;
    let access = [
        "~log-api:*",
        "+set",
        "+getdel",
        "+eval",
        "+time",
        "+xadd",
        "+pexpire",
    ];
    user(&redis, "access", &[READER.as_slice(), &access].concat()).await;
    let keeper = store(&redis, "access", WatchMode::Auto);
    keeper.check().await.unwrap();
    keeper.check_access().await.unwrap();
    let key = TicketKey::new([3; 32]);
    let life = Duration::from_secs(9);
    keeper.put(&key, "grant", life).await.unwrap();
    assert!(keeper.take(&key).await.unwrap().is_some());
    let revoked = [Revocation {
        what: Revoked::Session("sess_acl".into()),
        issued_until: u64::MAX,
    }];
    let message = fresh_job();
    let revoke = keeper.revoke(message.as_str(), &revoked, life);
    assert!(revoke.await.unwrap());
    let news = keeper.watch_revocations().news().await.unwrap();
    assert!(news.contains(&revoked[0]));

    user(&redis, "reader-alone", &READER).await;
    let reader = store(&redis, "reader-alone", WatchMode::Auto);
    reader.check().await.unwrap();
    let refused = reader.check_access().await.unwrap_err();
    assert!(!refused.is_retryable(), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named_with_its_keys() {
    let redis = RedisServer::shared().await;
    let refused = [
        ("-xrevrange", "may not run XREVRANGE on `job:*:logs`"),
        ("-xinfo", "may not run XINFO STREAM on `job:*:logs`"),
        ("-exists", "may not run EXISTS on `job:*`"),
        ("resetkeys", "may not run HMGET on `job:*`"),
    ];
    for (n, (rule, expected)) in refused.into_iter().enumerate() {
        let name = format!("less-{n}");
        user(&redis, &name, &[READER.as_slice(), &[rule]].concat()).await;
        let checked = store(&redis, &name, WatchMode::Auto).check().await;
        let error = checked.unwrap_err();
        assert!(matches!(error, CheckError::Permission { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_to_write_is_named_and_nothing_was_written() {
    let redis = RedisServer::start().await;
    let refused = [
        ("-xadd", "may not run XADD on `job:*:logs`"),
        ("-expire", "may not run EXPIRE on `job:*:logs`"),
        ("-eval", "may not run EVAL on `job:*`"),
        ("-hset", "may not run HSET on `job:*`"),
        ("resetchannels", "may not run PUBLISH on `job:*:events`"),
    ];
    let rules = [READER.as_slice(), &PRODUCER].concat();
    for (n, (rule, expected)) in refused.into_iter().enumerate() {
        let name = format!("less-{n}");
        user(&redis, &name, &[rules.as_slice(), &[rule]].concat()).await;
        let store = store(&redis, &name, WatchMode::Auto);
        store.check().await.unwrap();
        let error = store.check_writes().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tracking_is_refused_the_store_polls_unless_it_must_track() {
    let redis = RedisServer::shared().await;
    let rules = [READER.as_slice(), &["-client|tracking"]].concat();
    user(&redis, "untracked", &rules).await;
    let polling = store(&redis, "untracked", WatchMode::Auto);
    assert!(!polling.check().await.unwrap().tracks);
    let job = fresh_job();
    let mut follower = Follower::new(&polling, &job);
    produce(&redis, &job, 1..=3).await;
    follower.follow(3).await;
    let error = store(&redis, "untracked", WatchMode::Tracking)
        .check()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("may not run CLIENT TRACKING"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_error_about_credentials() {
    let redis = RedisServer::shared().await;
    user(&redis, "known", &READER).await;
    let url = redis.url_as("known", "wrong");
    let store = RedisStore::new(options(url, WatchMode::Auto)).unwrap();
    let error = store.check().await.unwrap_err();
    assert!(matches!(error, CheckError::Credentials { .. }), "{error:?}");
    assert!(!error.to_string().contains("wrong"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_is_refused_with_its_version() {
    let old = |command: &[String]| match command[0].as_str() {
        "HELLO" => "*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n".into(),
        "PING" => "+PONG\r\n".into(),
        _ => "+OK\r\n".into(),
    };
    let address = fake::server(old).await;
    let options = options(format!("redis://{address}"), WatchMode::Poll);
    let error = RedisStore::new(options).unwrap().check().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Redis 6.2.14 is too old: 7.0 is the oldest that works"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_polls_through_a_proxy_that_does_not_know_hello() {
    let redis = RedisServer::shared().await;
    let url = format!(
        "redis://{}",
        fake::proxy_without_hello(redis.address()).await
    );
    for mode in [WatchMode::Auto, WatchMode::Poll] {
        let store = RedisStore::new(options(url.clone(), mode)).unwrap();
        connected(&store).await;
        assert_eq!(store.state().tracks, Some(false));
        let facts = store.check().await.unwrap();
        assert!(!facts.tracks);
        let info = redis.command(&["INFO", "server"]).await.text();
        assert!(info.contains(&format!("redis_version:{}\r", facts.version)));
        store.check_writes().await.unwrap();
        let job = fresh_job();
        let mut follower = Follower::new(&store, &job);
        for ms in 1..=5 {
            produce(&redis, &job, [ms]).await;
            follower.follow(ms).await;
        }
        let mut watch = store.watch_job(&job);
        assert_eq!(watch.get().await.unwrap(), None);
        let created = ["HSET", &hash(&job), "status", "ready"];
        redis.command(&created).await;
        soon("the job", async {
            while watch.get().await.unwrap().is_none() {
                watch.changed().await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_must_track_says_why_it_cannot_through_such_a_proxy() {
    let redis = RedisServer::shared().await;
    let url = format!(
        "redis://{}",
        fake::proxy_without_hello(redis.address()).await
    );
    let strict = RedisStore::new(options(url, WatchMode::Tracking)).unwrap();
    let mut watch = strict.watch_log(&fresh_job());
    let error = soon("a refusal", async {
        loop {
            match watch.read_after(EntryId::ZERO, ALL).await {
                Err(error) if error.to_string().contains("RESP3") => return error,
                _ => {}
            }
        }
    })
    .await;
    assert!(error.is_retryable());
    let error = strict.check().await.unwrap_err();
    assert!(error.to_string().contains("CLIENT TRACKING"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_tells_no_version_passes_the_check() {
    let mute = |command: &[String]| match command[0].as_str() {
        "PING" => "+PONG\r\n".into(),
        "HELLO" | "INFO" => "-ERR unknown command\r\n".into(),
        _ => "*0\r\n".into(),
    };
    let address = fake::server(mute).await;
    let options = options(format!("redis://{address}"), WatchMode::Poll);
    let facts = RedisStore::new(options).unwrap().check().await.unwrap();
    assert_eq!((facts.version.as_str(), facts.tracks), ("unknown", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_tells_no_version_and_lacks_a_command_of_7_is_too_old() {
    let old = |command: &[String]| match command[0].as_str() {
        "PING" => "+PONG\r\n".into(),
        "HELLO" | "INFO" | "EXPIRETIME" => "-ERR unknown command\r\n".into(),
        _ => "*0\r\n".into(),
    };
    let address = fake::server(old).await;
    let options = options(format!("redis://{address}"), WatchMode::Poll);
    let error = RedisStore::new(options).unwrap().check().await.unwrap_err();
    assert!(matches!(error, CheckError::TooOld { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_error_of_a_proxy_is_an_outage_that_passes() {
    let failing = |command: &[String]| match command[0].as_str() {
        "PING" => "+PONG\r\n".into(),
        _ => "-ERR upstream connect error\r\n".into(),
    };
    let address = fake::server(failing).await;
    let options = options(format!("redis://{address}"), WatchMode::Poll);
    let store = RedisStore::new(options).unwrap();
    let read = store.bounds(&fresh_job()).await;
    assert!(read.is_err_and(|error| error.is_retryable()));
}
