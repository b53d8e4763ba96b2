//! Reading ahead of those who watch few logs.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId};
use log_store::LogStore;
use log_store::conformance::fresh_job;
use log_store::redis::RedisStore;
use test_support::RedisServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fred::calls;
use crate::support::{AHEAD, ALL, Follower, Setup, connected, options, produce, soon};

/// Longer than the read that blocks waits at Redis.
const A_ROUND: Duration = Duration::from_millis(700);

/// A line that never comes.
const NEVER: u64 = u64::MAX;

/// Follows until a read blocks at Redis.
async fn read_ahead(redis: &RedisServer, follower: &mut Follower) {
    let blocks = soon("a read that blocks", async {
        loop {
            let clients = redis.command(&["INFO", "clients"]).await.text();
            if clients.contains("blocked_clients:1\r") {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    tokio::select! {
        () = blocks => {}
        () = follower.follow(NEVER) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_log_that_is_read_ahead_need_no_second_question() {
    let setup = Setup::own(AHEAD).await;
    let jobs = [(); 4].map(|()| fresh_job());
    let mut followers = Vec::new();
    for job in &jobs {
        produce(&setup.redis, job, [1]).await;
        let mut follower = Follower::new(&setup.store, job);
        follower.follow(1).await;
        followers.push(follower);
    }
    // Those that joined while a read was under way are taken along by the next.
    sleep(A_ROUND).await;
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    for ms in 2..20 {
        for (job, follower) in jobs.iter().zip(&mut followers) {
            produce(&setup.redis, job, [ms]).await;
            follower.follow(ms).await;
        }
        // Lines that come faster may be read by their readers.
        sleep(Duration::from_millis(20)).await;
    }
    let asked = calls(&setup.redis, "xread").await;
    assert!(asked <= 18 * 4 + 20, "{asked}");
    let by_readers = calls(&setup.redis, "xrange").await;
    assert!(by_readers <= 8, "{by_readers}");
    for follower in followers {
        assert_eq!(follower.seen, (1..20).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_many_are_watched_none_is_read_ahead_and_those_that_were_are_pushed() {
    let setup = Setup::own(AHEAD).await;
    let job = fresh_job();
    let mut follower = Follower::new(&setup.store, &job);
    produce(&setup.redis, &job, [1]).await;
    follower.follow(1).await;
    read_ahead(&setup.redis, &mut follower).await;
    let mut others: Vec<_> = (0..20)
        .map(|_| LogStore::watch(&setup.store, &fresh_job()))
        .collect();
    for other in &mut others {
        other.read_after(EntryId::ZERO, ALL).await.unwrap();
    }
    // While the last read still blocks, and after it.
    produce(&setup.redis, &job, [2]).await;
    follower.follow(2).await;
    sleep(A_ROUND).await;
    produce(&setup.redis, &job, [3]).await;
    follower.follow(3).await;
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    sleep(A_ROUND).await;
    assert_eq!(calls(&setup.redis, "xread").await, 0);
    drop(others);
    produce(&setup.redis, &job, [4]).await;
    follower.follow(4).await;
    read_ahead(&setup.redis, &mut follower).await;
    assert_eq!(follower.seen, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_read_once_while_logs_join_and_leave() {
    const LINES: u64 = 300;
    let setup = Setup::own(AHEAD).await;
    let (redis, store) = (Arc::clone(&setup.redis), setup.store.clone());
    let mut tasks = JoinSet::new();
    // From one to more than are read ahead, and back.
    for n in 0..9 {
        let (redis, store) = (Arc::clone(&redis), store.clone());
        tasks.spawn(async move {
            sleep(Duration::from_millis(150 * n)).await;
            follow_all(&redis, &store, LINES).await;
        });
    }
    // And some that come and go without reading to the end.
    tasks.spawn(async move {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            let mut watches = Vec::new();
            for _ in 0..fastrand::usize(1..12) {
                let mut watch = LogStore::watch(&store, &fresh_job());
                watch.read_after(EntryId::ZERO, ALL).await.unwrap();
                watches.push(watch);
            }
            sleep(Duration::from_millis(fastrand::u64(0..150))).await;
        }
    });
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

/// Follows a log of its own while it is written.
async fn follow_all(redis: &RedisServer, store: &RedisStore, lines: u64) {
    let job: JobId = fresh_job();
    let mut follower = Follower::new(store, &job);
    let producing = async {
        for first in (1..=lines).step_by(5) {
            produce(redis, &job, first..first + 5).await;
            sleep(Duration::from_millis(fastrand::u64(0..12))).await;
        }
    };
    tokio::join!(producing, follower.follow(lines));
    assert_eq!(follower.seen, (1..=lines).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_when_the_read_that_blocks_loses_its_connection() {
    let setup = Setup::own(AHEAD).await;
    let job = fresh_job();
    let mut follower = Follower::new(&setup.store, &job);
    for ms in 1..=6 {
        let (killed, line) = (2 * ms, 2 * ms + 1);
        produce(&setup.redis, &job, [killed]).await;
        follower.follow(killed).await;
        read_ahead(&setup.redis, &mut follower).await;
        let clients = setup.redis.command(&["CLIENT", "LIST"]).await.text();
        let blocked = (clients.lines()).find(|line| line.contains("cmd=xread"));
        let id = blocked.and_then(|line| line.split(' ').next()?.strip_prefix("id="));
        let kill = ["CLIENT", "KILL", "ID", id.unwrap_or("0")];
        setup.redis.command(&kill).await;
        produce(&setup.redis, &job, [line]).await;
        follower.follow(line).await;
    }
    assert_eq!(follower.seen, (2..=13).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_may_not_block_is_pushed() {
    let redis = RedisServer::shared().await;
    let rules = ["on", ">secret", "+@all", "-xread", "~*", "resetchannels"];
    let user = [["ACL", "SETUSER", "unblocked"].as_slice(), &rules].concat();
    redis.command(&user).await;
    let url = redis.url_as("unblocked", "secret");
    let store = RedisStore::new(options(url, AHEAD)).unwrap();
    connected(&store).await;
    let job = fresh_job();
    let mut follower = Follower::new(&store, &job);
    for ms in 1..=5 {
        produce(&redis, &job, [ms]).await;
        follower.follow(ms).await;
        sleep(Duration::from_millis(50)).await;
    }
    assert!(store.check().await.unwrap().tracks);
}
