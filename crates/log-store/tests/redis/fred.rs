//! One test for each problem of fred that the store works around (the table in `src/redis/client.rs`).

use std::sync::Arc;
use std::time::Duration;

use log_domain::EntryId;
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{LogAppend as _, LogStore, NewLine};
use test_support::{RedisServer, Value};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    ALL, Follower, MODES, Setup, back, connected, logs, options, produce, settle, soon, until,
};

/// How often a command was run on a server.
pub(crate) async fn calls(redis: &RedisServer, command: &str) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// The flags of every client but ours.
async fn flags(redis: &RedisServer) -> Vec<String> {
    let mut client = redis.client().await;
    let own = client.command(&["CLIENT", "ID"]).await.int();
    let list = client.command(&["CLIENT", "LIST"]).await.text();
    let others = list
        .lines()
        .filter(|line| !line.starts_with(&format!("id={own} ")));
    let flags = |line: &str| {
        line.split(' ')
            .find_map(|part| part.strip_prefix("flags=").map(str::to_owned))
    };
    others.filter_map(flags).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_is_on_again_after_a_reconnection() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let job = fresh_job();
    let mut follower = Follower::new(&setup.store, &job);
    for ms in 1..=5 {
        let resyncs = setup.store.state().resyncs;
        setup
            .redis
            .command(&["CLIENT", "KILL", "TYPE", "normal"])
            .await;
        soon("a new connection", async {
            while setup.store.state().resyncs == resyncs {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        settle(&mut *follower.watch, WatchMode::Tracking).await;
        let tracking = flags(&setup.redis).await;
        assert_eq!(
            tracking.iter().filter(|flags| flags.contains('t')).count(),
            1,
            "{tracking:?}"
        );
        // No sweep comes for an hour: only a push can tell.
        produce(&setup.redis, &job, [ms]).await;
        follower.follow(ms).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_answer_was_lost_is_not_sent_again() {
    let setup = Setup::own(WatchMode::Auto).await;
    for _ in 0..3 {
        let job = fresh_job();
        // Redis gets the request, but the answer is lost.
        setup.redis.pause().await;
        let line = NewLine {
            text: Some("once".into()),
            ..NewLine::default()
        };
        let append = setup.store.append(&job, std::slice::from_ref(&line));
        let lost = async {
            sleep(Duration::from_millis(200)).await;
            setup.proxy.drop_connections().await;
        };
        let (appended, ()) = tokio::join!(append, lost);
        assert!(appended.is_err_and(|error| error.is_retryable()));
        setup.redis.unpause().await;
        back(&setup.store).await;
        sleep(Duration::from_millis(100)).await;
        let length = setup.redis.command(&["XLEN", &logs(&job)]).await;
        assert_eq!(length, Value::Int(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_piles_up_while_redis_is_away() {
    let setup = Setup::own(WatchMode::Auto).await;
    let job = fresh_job();
    setup.proxy.refuse().await;
    let reads: Vec<_> = (0..3_000)
        .map(|_| {
            let (store, job) = (setup.store.clone(), job.clone());
            tokio::spawn(async move { store.bounds(&job).await.is_err() })
        })
        .collect();
    for read in reads {
        assert!(read.await.unwrap(), "a read while Redis is away");
    }
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    setup.proxy.mend().await;
    back(&setup.store).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(
        calls(&setup.redis, "xinfo|stream").await,
        0,
        "reads that were given up were sent"
    );
    setup.store.bounds(&job).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_reads_than_may_be_under_way_wait_their_turn() {
    let setup = Setup::patient(WatchMode::Auto).await;
    let job = fresh_job();
    produce(&setup.redis, &job, [1]).await;
    let reads: Vec<_> = (0..3_000)
        .map(|_| {
            let (store, job) = (setup.store.clone(), job.clone());
            tokio::spawn(async move { store.bounds(&job).await.unwrap().length })
        })
        .collect();
    for read in reads {
        assert_eq!(read.await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_noticed_and_so_is_what_is_written_after_it() {
    let redis = Arc::new(RedisServer::start().await);
    for mode in MODES {
        let store = RedisStore::new(options(redis.url(), mode)).unwrap();
        connected(&store).await;
        for flush in [&["FLUSHALL"][..], &["FLUSHDB"], &["SWAPDB", "0", "1"]] {
            let job = fresh_job();
            produce(&redis, &job, 5..=6).await;
            let mut watch = store.watch_log(&job);
            watch.read_after(EntryId::ZERO, ALL).await.unwrap();
            let last = EntryId::new(6, 0);
            redis.command(flush).await;
            produce(&redis, &job, 1..=2).await;
            let is_new = |tail: &log_store::TailRead| tail.bounds.last_id < last;
            let tail = until("the flush", &mut *watch, last, is_new).await;
            assert!(tail.gap(last).is_some(), "{mode:?} {flush:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_is_found_by_the_sweep_where_the_server_does_not_tell() {
    let redis = Arc::new(RedisServer::start().await);
    let rules = ["on", "nopass", "~*", "&*", "+@all", "-info"];
    let user = [&["ACL", "SETUSER", "uninformed"][..], &rules].concat();
    redis.command(&user).await;
    let mut swept = options(redis.url_as("uninformed", ""), WatchMode::Tracking);
    swept.sweep_interval = Duration::from_millis(500);
    let store = RedisStore::new(swept).unwrap();
    connected(&store).await;
    let job = fresh_job();
    produce(&redis, &job, 1..=3).await;
    let mut watch = store.watch_log(&job);
    watch.read_after(EntryId::ZERO, ALL).await.unwrap();
    let begin = Instant::now();
    redis.command(&["FLUSHALL"]).await;
    let empty = |tail: &log_store::TailRead| tail.lines.is_empty();
    until("the flush", &mut *watch, EntryId::new(3, 0), empty).await;
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_pushes_beyond_their_room_misses_nothing() {
    // More keys than there is room for pushes, all written by one script.
    const KEYS: usize = 4_500;
    let setup = Setup::own(WatchMode::Tracking).await;
    let jobs: Vec<_> = (0..KEYS).map(|_| fresh_job()).collect();
    let mut reads = JoinSet::new();
    for job in &jobs {
        let mut watch = setup.store.watch_log(job);
        reads.spawn(async move {
            while watch.read_after(EntryId::ZERO, ALL).await.is_err() {}
            watch
        });
    }
    let watches = reads.join_all().await;
    let mut script = String::from("local keys = {}\n");
    for job in &jobs {
        script += &format!("redis.call('XADD', '{}', '1-0', 'text', 'x')\n", logs(job));
    }
    setup.redis.command(&["EVAL", &script, "0"]).await;
    let mut followers = JoinSet::new();
    for mut watch in watches {
        followers.spawn(async move {
            loop {
                watch.changed().await;
                // On a busy machine, some of so many reads may exceed the deadline. They are repeated.
                match watch.read_after(EntryId::ZERO, ALL).await {
                    Ok(tail) if tail.lines.len() == 1 => return,
                    Ok(_) => {}
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            }
        });
    }
    let all = timeout(Duration::from_secs(60), followers.join_all()).await;
    assert!(all.is_ok(), "a line of a burst was missed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_noticed_although_commands_are_written() {
    let setup = Setup::own(WatchMode::Auto).await;
    let job = fresh_job();
    setup.redis.pause().await;
    let begun = Instant::now();
    let (store, busy) = (setup.store.clone(), job.clone());
    let busy = tokio::spawn(async move {
        loop {
            let (store, busy) = (store.clone(), busy.clone());
            tokio::spawn(async move { store.bounds(&busy).await.is_ok() });
            sleep(Duration::from_millis(50)).await;
        }
    });
    soon("the loss", async {
        while setup.store.state().connected {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    busy.abort();
    setup.redis.unpause().await;
    assert!(back(&setup.store).await < Duration::from_secs(5));
    setup.store.bounds(&job).await.unwrap();
}
