//! What a store costs Redis: connections and commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use log_domain::{EntryId, Order as ReadOrder, ReadLimit, Span};
use log_store::conformance::fresh_job;
use log_store::redis::WatchMode;
use log_store::{Jobs, LogStore, Revocations, TicketKey, Tickets as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::fred::calls;
use crate::support::{ALL, MODES, POLL_INTERVAL, Setup, produce, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_two_connections_whatever_it_watches() {
    for mode in MODES {
        let setup = Setup::own(mode).await;
        let mut watches = Vec::new();
        for _ in 0..200 {
            let job = fresh_job();
            let mut log = setup.store.watch_log(&job);
            log.read_after(EntryId::ZERO, ALL).await.unwrap();
            let mut hash = setup.store.watch_job(&job);
            hash.get().await.unwrap();
            watches.push((log, hash));
        }
        soon("the connections", async {
            while setup.proxy.connections() < 2 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(setup.store.state().watched, 400);
        assert_eq!(setup.proxy.connections(), 2, "{mode:?}");
        let clients = setup.redis.command(&["INFO", "clients"]).await.text();
        // The store's two, and the one that asks.
        assert!(
            clients.contains("connected_clients:3\r"),
            "{mode:?}: {clients}"
        );
        drop(watches);
        assert_eq!(setup.store.state().watched, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_revocations_takes_no_connection_and_asks_nothing_while_nothing_is_revoked() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let mut watch = setup.store.watch_revocations();
    watch.news().await.unwrap();
    let key = TicketKey::new([7; 32]);
    setup
        .store
        .put(&key, "grant", Duration::from_secs(9))
        .await
        .unwrap();
    setup.store.take(&key).await.unwrap();
    assert_eq!(setup.proxy.connections(), 2);
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    sleep(Duration::from_millis(1_500)).await;
    for command in ["xread", "xrange", "xinfo|stream", "get", "getdel"] {
        assert_eq!(calls(&setup.redis, command).await, 0, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_closes_its_connections() {
    let setup = Setup::shared(WatchMode::Auto).await;
    let watch = setup.store.watch_log(&fresh_job());
    drop(setup.store);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(setup.proxy.connections(), 2, "a watch keeps them");
    drop(watch);
    soon("no connection", async {
        while setup.proxy.connections() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_a_read_decides_how_many_commands_it_takes() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let job = fresh_job();
    produce(&setup.redis, &job, 1..=2_000).await;
    let mut watch = setup.store.watch_log(&job);
    // From now on the store knows that the lines are short.
    watch.read_after(EntryId::ZERO, ALL).await.unwrap();
    // The limit, and how many commands of up to 128 entries that takes, including one line beyond the limit. A live read
    // asks for 16 first.
    for (lines, commands, live) in [
        (1, 1, 1),
        (100, 1, 2),
        (127, 1, 2),
        (128, 2, 2),
        (500, 4, 5),
    ] {
        setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
        let limit = ReadLimit::lines(lines);
        let span = Span::default();
        setup
            .store
            .read(&job, span, ReadOrder::NewestFirst, limit)
            .await
            .unwrap();
        assert_eq!(calls(&setup.redis, "xrevrange").await, commands, "{lines}");
        assert_eq!(calls(&setup.redis, "xinfo|stream").await, 0, "{lines}");
        watch.read_after(EntryId::ZERO, limit).await.unwrap();
        assert_eq!(calls(&setup.redis, "xread").await, live, "{lines}");
        assert_eq!(calls(&setup.redis, "xinfo|stream").await, live, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_while_nothing_happens() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let mut watches = Vec::new();
    for _ in 0..50 {
        let mut watch = setup.store.watch_log(&fresh_job());
        watch.read_after(EntryId::ZERO, ALL).await.unwrap();
        watches.push(watch);
    }
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    sleep(Duration::from_millis(1_500)).await;
    let stats = setup.redis.command(&["INFO", "commandstats"]).await.text();
    let asked = stats.lines().filter(|line| line.starts_with("cmdstat_"));
    let asked: Vec<_> = asked.filter_map(|line| line.split(':').next()).collect();
    for command in asked {
        let ours = ["cmdstat_echo", "cmdstat_info", "cmdstat_config|resetstat"];
        let is_ours = ours.contains(&command);
        assert!(is_ours, "{command} while nothing happens");
    }
    // One heartbeat a second for each connection, and one `INFO` a second (and ours).
    assert!(calls(&setup.redis, "info").await <= 3 + 1);
    assert!(calls(&setup.redis, "echo").await <= 4);
}

/// Watches logs like viewers: reads after each notice, and counts the reads.
fn read_on_each_notice(setup: &Setup, logs: usize, reads: &Arc<AtomicU64>) -> JoinSet<()> {
    let mut readers = JoinSet::new();
    for _ in 0..logs {
        let mut watch = setup.store.watch_log(&fresh_job());
        let reads = Arc::clone(reads);
        readers.spawn(async move {
            loop {
                watch.changed().await;
                watch.read_after(EntryId::ZERO, ALL).await.unwrap();
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    readers
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_asks_at_a_pace_that_depends_on_how_much_is_watched() {
    // Logs, and in how many polls each is read once.
    for (logs, rounds) in [(40, 1), (400, 4)] {
        let setup = Setup::own(WatchMode::Poll).await;
        let reads = Arc::default();
        let readers = read_on_each_notice(&setup, logs, &reads);
        soon("the first reads", async {
            while reads.load(Ordering::Relaxed) < logs as u64 {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
        reads.store(0, Ordering::Relaxed);
        let begin = Instant::now();
        sleep(Duration::from_secs(1)).await;
        let (reads, asked) = (
            reads.load(Ordering::Relaxed),
            calls(&setup.redis, "xread").await,
        );
        let polls = begin.elapsed().as_millis() / POLL_INTERVAL.as_millis();
        let polls = u64::try_from(polls).unwrap();
        let most = (polls / rounds + 2) * logs as u64;
        assert!(
            reads <= most && asked <= most,
            "{reads} and {asked} > {most}"
        );
        assert!(reads >= logs as u64, "{reads}: not every log was read");
        let of_jobs = calls(&setup.redis, "hmget").await;
        assert_eq!(of_jobs, 0, "no job is watched");
        drop(readers);
    }
}
