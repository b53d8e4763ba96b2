//! What a store costs Redis: connections and commands.

use std::time::Duration;

use log_domain::{EntryId, Order, ReadLimit, Span};
use log_store::conformance::fresh_job;
use log_store::redis::WatchMode;
use log_store::{Jobs, LogStore, Revocations, TicketKey, Tickets as _};
use tokio::time::sleep;

use crate::fred::calls;
use crate::support::{ALL, MODES, Setup, produce, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_two_connections_or_three_whatever_it_watches() {
    for mode in MODES {
        let setup = Setup::own(mode).await;
        let connections = 2 + usize::from(mode.read_ahead > 0);
        let mut watches = Vec::new();
        for _ in 0..200 {
            let job = fresh_job();
            let mut log = LogStore::watch(&setup.store, &job);
            log.read_after(EntryId::ZERO, ALL).await.unwrap();
            let mut hash = Jobs::watch(&setup.store, &job);
            hash.get().await.unwrap();
            watches.push((log, hash));
        }
        soon("the connections", async {
            while setup.proxy.connections() < connections {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(setup.store.state().watched, 400);
        assert_eq!(setup.proxy.connections(), connections, "{mode:?}");
        let clients = setup.redis.command(&["INFO", "clients"]).await.text();
        // Ours, and the one that asks.
        let expected = format!("connected_clients:{}\r", connections + 1);
        assert!(clients.contains(&expected), "{mode:?}: {clients}");
        drop(watches);
        assert_eq!(setup.store.state().watched, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_revocations_takes_no_connection_and_asks_nothing_while_nothing_is_revoked() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let mut watch = Revocations::watch(&setup.store);
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
    for command in ["xrange", "xinfo|stream", "get", "getdel"] {
        assert_eq!(calls(&setup.redis, command).await, 0, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_dropped_closes_its_connections() {
    let setup = Setup::shared(WatchMode::Auto).await;
    let watch = LogStore::watch(&setup.store, &fresh_job());
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
async fn a_read_costs_a_number_of_commands_that_its_limit_sets() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let job = fresh_job();
    produce(&setup.redis, &job, 1..=2_000).await;
    let mut watch = LogStore::watch(&setup.store, &job);
    // Lines asked for, and commands of up to 128 entries that takes, one line beyond the limit included.
    for (lines, commands) in [(1, 1), (100, 1), (127, 1), (128, 2), (500, 4)] {
        setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
        let limit = ReadLimit::lines(lines);
        let span = Span::default();
        setup
            .store
            .read(&job, span, Order::NewestFirst, limit)
            .await
            .unwrap();
        assert_eq!(calls(&setup.redis, "xrevrange").await, commands, "{lines}");
        assert_eq!(calls(&setup.redis, "xinfo|stream").await, 0, "{lines}");
        watch.read_after(EntryId::ZERO, limit).await.unwrap();
        assert_eq!(calls(&setup.redis, "xrange").await, commands, "{lines}");
        assert_eq!(
            calls(&setup.redis, "xinfo|stream").await,
            commands,
            "{lines}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_while_nothing_happens() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let mut watches = Vec::new();
    for _ in 0..50 {
        let mut watch = LogStore::watch(&setup.store, &fresh_job());
        watch.read_after(EntryId::ZERO, ALL).await.unwrap();
        watches.push(watch);
    }
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    sleep(Duration::from_millis(1_500)).await;
    let stats = setup.redis.command(&["INFO", "commandstats"]).await.text();
    let asked = stats.lines().filter(|line| line.starts_with("cmdstat_"));
    let asked: Vec<_> = asked.filter_map(|line| line.split(':').next()).collect();
    for command in asked {
        let ours = ["cmdstat_ping", "cmdstat_info", "cmdstat_config|resetstat"];
        let is_ours = ours.contains(&command);
        assert!(is_ours, "{command} while nothing happens");
    }
    // A heartbeat a second and connection, and one look for flushes (and ours), no more.
    assert!(calls(&setup.redis, "info").await <= 3 + 1);
    assert!(calls(&setup.redis, "ping").await <= 4);
}
