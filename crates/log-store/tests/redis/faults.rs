//! Faults of the network between a store and its Redis, and of Redis itself, with tracking and with polling.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, JobStatus, UserId};
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{JobWrites as _, LogAppend as _};
use log_store::{Jobs, LogStore, NewJob, NewLine};
use test_support::{RedisOptions, RedisServer};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    ALL, Follower, MODES, SHORT_DEADLINE, Setup, back, connected, hash, logs, options, produce,
    settle, soon, until,
};

/// The promise: a store works again within this time after Redis does.
const BACK: Duration = Duration::from_secs(5);

async fn append_only() -> Arc<RedisServer> {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    Arc::new(RedisServer::start_with(options).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_across_dropped_connections() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        let mut follower = Follower::new(&setup.store, &job);
        for round in 0..8 {
            let lines = round * 50 + 1..=round * 50 + 50;
            let producing = produce(&setup.redis, &job, lines);
            let dropping = async {
                sleep(Duration::from_millis(5 * round)).await;
                setup.proxy.drop_connections().await;
            };
            tokio::join!(producing, dropping, follower.follow(round * 50 + 50));
        }
        assert_eq!(follower.seen, (1..=400).collect::<Vec<_>>(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missed_when_the_server_kills_the_connections() {
    let redis = Arc::new(RedisServer::start().await);
    for mode in MODES {
        let setup = Setup::on(Arc::clone(&redis), mode).await;
        let job = fresh_job();
        let mut follower = Follower::new(&setup.store, &job);
        let mut killer = redis.client().await;
        for ms in 1..=12 {
            // The line comes right before the kill, right after it, and while there is no connection.
            if ms % 3 == 0 {
                produce(&redis, &job, [ms]).await;
            }
            killer.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
            if ms % 3 == 1 {
                sleep(Duration::from_millis(ms)).await;
            }
            if ms % 3 != 0 {
                produce(&redis, &job, [ms]).await;
            }
            follower.follow(ms).await;
        }
        assert_eq!(follower.seen, (1..=12).collect::<Vec<_>>(), "{mode:?}");
    }
}

/// A follower that has read one line, for each mode.
async fn followers(redis: &Arc<RedisServer>) -> Vec<(WatchMode, Setup, JobId, Follower)> {
    let mut followers = Vec::new();
    for mode in MODES {
        let setup = Setup::impatient(Arc::clone(redis), mode).await;
        let job = fresh_job();
        let mut follower = Follower::new(&setup.store, &job);
        produce(redis, &job, [1]).await;
        follower.follow(1).await;
        followers.push((mode, setup, job, follower));
    }
    followers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_an_outage_and_nothing_is_missed_after_it() {
    let redis = Arc::new(RedisServer::start().await);
    let mut followers = followers(&redis).await;
    redis.pause().await;
    for (mode, setup, job, _) in &followers {
        let asked = Instant::now();
        let read = setup.store.bounds(job).await;
        assert!(read.is_err_and(|error| error.is_retryable()), "{mode:?}");
        assert!(asked.elapsed() < Duration::from_secs(3), "{mode:?}");
    }
    // Long enough for the stores to give up their connections.
    sleep(Duration::from_millis(3_500)).await;
    redis.unpause().await;
    for (mode, setup, job, follower) in &mut followers {
        produce(&redis, job, [2]).await;
        let within = timeout(BACK, follower.follow(2)).await;
        assert!(within.is_ok(), "{mode:?}: not back in time");
        assert!(back(&setup.store).await < BACK, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_redis_loses_nothing() {
    let redis = append_only().await;
    for mode in MODES {
        let setup = Setup::impatient(Arc::clone(&redis), mode).await;
        let job = fresh_job();
        let mut follower = Follower::new(&setup.store, &job);
        for round in 0..3 {
            produce(&redis, &job, [round * 10 + 1, round * 10 + 2]).await;
            if round == 1 {
                redis.stop().await;
            } else {
                redis.kill().await;
            }
            let away = setup.store.bounds(&job).await;
            assert!(away.is_err_and(|error| error.is_retryable()), "{mode:?}");
            redis.start_again().await;
            produce(&redis, &job, [round * 10 + 3]).await;
            let within = timeout(BACK, follower.follow(round * 10 + 3)).await;
            assert!(within.is_ok(), "{mode:?}: not back in time");
        }
        assert_eq!(follower.seen, [1, 2, 3, 11, 12, 13, 21, 22, 23], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_begins_while_redis_is_away_and_works_when_it_comes() {
    let redis = Arc::new(RedisServer::start().await);
    redis.stop().await;
    let impatient = options(redis.url(), WatchMode::Auto).deadline(SHORT_DEADLINE);
    let store = RedisStore::new(impatient).unwrap();
    let job = fresh_job();
    let begun = Instant::now();
    let away = store.ping_logs().await;
    assert!(away.is_err_and(|error| error.is_retryable()));
    assert!(begun.elapsed() < Duration::from_secs(3));
    assert!(store.check().await.unwrap_err().is_retryable());
    let appended = store.append(&job, &[NewLine::default()]).await;
    assert!(appended.is_err_and(|error| error.is_retryable()));
    let mut follower = Follower::new(&store, &job);
    redis.start_again().await;
    produce(&redis, &job, [1]).await;
    let within = timeout(BACK, follower.follow(1)).await;
    assert!(within.is_ok(), "not there in time");
    assert!(store.check().await.unwrap().tracks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_deleted_and_created_again_while_disconnected_is_a_gap() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        produce(&setup.redis, &job, 1..=5).await;
        let mut watch = setup.store.watch_log(&job);
        settle(&mut *watch, mode).await;
        setup.proxy.refuse().await;
        setup.redis.command(&["DEL", &logs(&job)]).await;
        produce(&setup.redis, &job, 2..=3).await;
        setup.proxy.mend().await;
        let cursor = EntryId::new(5, 0);
        let anew = |tail: &log_store::TailRead| tail.bounds.entries_added == 2;
        let tail = until("the new log", &mut *watch, cursor, anew).await;
        let gap = tail.gap(cursor).unwrap();
        assert_eq!(gap.resume_after, EntryId::new(3, 0), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_trimmed_while_disconnected_is_a_gap() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        produce(&setup.redis, &job, 1..=5).await;
        let mut watch = setup.store.watch_log(&job);
        settle(&mut *watch, mode).await;
        setup.proxy.refuse().await;
        produce(&setup.redis, &job, 6..=9).await;
        setup
            .redis
            .command(&["XTRIM", &logs(&job), "MAXLEN", "2"])
            .await;
        setup.proxy.mend().await;
        let cursor = EntryId::new(5, 0);
        let trimmed = |tail: &log_store::TailRead| tail.bounds.length == 2;
        let tail = until("the trimmed log", &mut *watch, cursor, trimmed).await;
        let gap = tail.gap(cursor).unwrap();
        assert_eq!(gap.first_id, Some(EntryId::new(8, 0)), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_changes_while_disconnected_is_noticed() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let job = fresh_job();
        let new = NewJob::new(UserId::new("ann").unwrap(), SystemTime::now());
        setup.store.create(&job, &new).await.unwrap();
        let mut watch = setup.store.watch_job(&job);
        assert_eq!(
            watch.get().await.unwrap().unwrap().status,
            JobStatus::QUEUED
        );
        setup.proxy.refuse().await;
        setup
            .redis
            .command(&["HSET", &hash(&job), "status", "ready"])
            .await;
        setup.proxy.mend().await;
        let notified = async {
            loop {
                watch.changed().await;
                if watch
                    .get()
                    .await
                    .is_ok_and(|job| job.unwrap().status == JobStatus::READY)
                {
                    return;
                }
            }
        };
        soon("the new status", notified).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_in_the_network_is_an_outage_and_nothing_is_missed_after_it() {
    let mut followers = followers(&RedisServer::shared().await).await;
    for (mode, setup, job, _) in &followers {
        setup.proxy.black_hole();
        produce(&setup.redis, job, [2]).await;
        let read = setup.store.read_after(job, EntryId::ZERO, ALL).await;
        assert!(read.is_err_and(|error| error.is_retryable()), "{mode:?}");
    }
    // Long enough for the stores to give up their connections, and to fail to make others.
    sleep(Duration::from_secs(4)).await;
    for (mode, setup, _, follower) in &mut followers {
        assert!(!setup.store.state().connected, "{mode:?}");
        setup.proxy.mend().await;
        let within = timeout(BACK, follower.follow(2)).await;
        assert!(within.is_ok(), "{mode:?}: not back in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_that_was_stuck_in_the_network_never_comes_after_it_has_failed() {
    let setup = Setup::shared(WatchMode::Auto).await;
    let job = fresh_job();
    setup.proxy.strand();
    let line = NewLine {
        text: Some("late".into()),
        ..NewLine::default()
    };
    let appended = setup.store.append(&job, &[line]).await;
    assert!(appended.is_err_and(|error| error.is_retryable()));
    // A producer that must not repeat a line reads first.
    back(&setup.store).await;
    let tail = setup
        .store
        .read_after(&job, EntryId::ZERO, ALL)
        .await
        .unwrap();
    assert_eq!(tail.lines, []);
    setup.proxy.mend().await;
    sleep(Duration::from_millis(300)).await;
    let tail = setup
        .store
        .read_after(&job, EntryId::ZERO, ALL)
        .await
        .unwrap();
    assert_eq!(tail.lines, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_of_another_client_with_the_same_id_is_not_closed() {
    let redis = append_only().await;
    let setup = Setup::on(Arc::clone(&redis), WatchMode::Auto).await;
    // A restarted server counts its connections from the beginning.
    redis.kill().await;
    setup.proxy.refuse().await;
    redis.start_again().await;
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(redis.client().await);
    }
    setup.proxy.mend().await;
    connected(&setup.store).await;
    for other in &mut others {
        other.command(&["PING"]).await;
    }
}

/// How many moments of a read are tried.
const ROUNDS: usize = 40;

/// How many lines must have come during a read.
const HITS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_came_during_a_read_and_is_gone_after_it_is_noticed() {
    for mode in MODES {
        let setup = Setup::shared(mode).await;
        let mut client = setup.redis.client().await;
        let (mut hits, mut round) = (0, 0_usize);
        // How long a read takes depends on what else the machine does.
        while round < ROUNDS || hits < HITS {
            round += 1;
            assert!(round < 5_000, "{mode:?}: {hits} lines came during a read");
            let job = fresh_job();
            let mut watch = setup.store.watch_log(&job);
            let producing = async {
                // At different moments of the read, which takes a few round trips.
                for _ in 0..round % ROUNDS * 2 {
                    yield_now().await;
                }
                let add = ["XADD", &logs(&job), "1-0", "text", "here and gone"];
                client.command(&add).await;
            };
            let (read, _) = tokio::join!(watch.read_after(EntryId::ZERO, ALL), producing);
            if read.unwrap().lines.is_empty() {
                continue;
            }
            hits += 1;
            client.command(&["DEL", &logs(&job)]).await;
            let what = format!("the deletion, {mode:?}, round {round}");
            soon(&what, watch.changed()).await;
        }
    }
}
