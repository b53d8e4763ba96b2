//! What followers notice of a cluster whose slots are held on their way, of one whose master dies, and of failovers by Sentinels.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use log_domain::{JobId, Order, Span};
use log_store::LogStore;
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use test_support::{RedisCluster, SentinelSet};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::cluster::{all_served, another_master, store_on};
use crate::load::under_load;
use crate::support::{ALL, PATIENCE, logs, options, soon};

/// How long a failover may take here at most, on a busy machine: the node timeout of the cluster is 3 s.
const LIMIT: Duration = Duration::from_secs(20);

/// How long two slots are held.
const HELD: Duration = Duration::from_secs(10);

/// A store whose lines are on replicas when they count as written. So no failover to one of them loses a line.
async fn careful_store_on(url: String, min_replicas: u32) -> RedisStore {
    let store = RedisStore::new(options(url, WatchMode::Auto).min_replicas(min_replicas));
    let store = store.unwrap();
    all_served(&store).await;
    store
}

/// Reads the newest pages of all jobs, one after the other.
async fn read(store: RedisStore, jobs: Vec<JobId>, done: Arc<AtomicBool>, pages: Arc<AtomicUsize>) {
    for job in jobs.iter().cycle() {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let page = store.read(job, Span::default(), Order::NewestFirst, ALL);
        match page.await {
            Ok(page) => {
                for line in page.lines {
                    let text = line.text.unwrap();
                    assert!(text.starts_with(job.as_str()), "a foreign line: {text}");
                }
                pages.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_whose_slots_are_held_for_ten_seconds_are_followed_without_a_foreign_line() {
    let cluster = RedisCluster::start().await;
    let store = store_on(cluster.url(), WatchMode::Auto).await;
    let writer = store_on(cluster.url(), WatchMode::Auto).await;
    let jobs: Vec<_> = (0..8).map(|_| fresh_job()).collect();
    let (done, pages) = (Arc::new(AtomicBool::new(false)), Arc::default());
    let mut readers = JoinSet::new();
    for _ in 0..8 {
        let (done, pages) = (done.clone(), Arc::clone(&pages));
        readers.spawn(read(store.clone(), jobs.clone(), done, pages));
    }
    let happens = async {
        // One log stays at its old master, the other one is at its new one already.
        let mut held = Vec::new();
        for (job, moves_keys) in [(&jobs[0], false), (&jobs[1], true)] {
            let (key, from) = (logs(job), cluster.master_of(&logs(job)).await);
            let slot = cluster.slot(&key).await;
            let to = another_master(&cluster, from).await;
            cluster.begin_move(slot, from, to).await;
            if moves_keys {
                cluster.move_keys(slot, from, to).await;
            }
            held.push((slot, from, to));
        }
        sleep(HELD).await;
        for (slot, from, to) in held {
            cluster.move_keys(slot, from, to).await;
            cluster.end_move(slot, to).await;
        }
    };
    let row = under_load(&writer, &store, &jobs, happens).await;
    done.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    let pages = pages.load(Ordering::Relaxed);
    println!("| two slots held for 10 s, {pages} pages {row}");
    assert_eq!(row.gaps, 0, "nothing was lost, so nothing is a gap");
    assert!(row.delivered > 500 && pages > 500, "{row:?}, {pages} pages");
    assert!(row.silence < Duration::from_secs(4), "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_that_dies_costs_no_line_that_a_replica_had() {
    let cluster = RedisCluster::start().await;
    let store = store_on(cluster.url(), WatchMode::Auto).await;
    let writer = careful_store_on(cluster.url(), 1).await;
    let victim = &cluster.nodes()[1];
    let mut jobs = Vec::new();
    while jobs.len() < 4 {
        let job = fresh_job();
        // The other masters wait for the replica too, with full coverage.
        if cluster.master_of(&logs(&job)).await.address() == victim.address() {
            jobs.push(job);
        }
    }
    let happens = async {
        victim.kill().await;
        soon("the replica takes over", async {
            while cluster.master_of(&logs(&jobs[0])).await.address() == victim.address() {
                sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        // It has no replica of its own until the dead one is back.
        victim.start_again().await;
    };
    let row = under_load(&writer, &store, &jobs, happens).await;
    println!("| a master dies (node timeout 3 s): its jobs {row}");
    assert!(row.silence < LIMIT, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failovers_by_sentinels_cost_no_line_that_a_replica_had() {
    let set = SentinelSet::start().await;
    let store = store_on(set.url(), WatchMode::Auto).await;
    // Sentinels choose either of the two.
    let writer = careful_store_on(set.url(), 2).await;
    let jobs: Vec<_> = (0..4).map(|_| fresh_job()).collect();
    let planned = async { set.fail_over().await };
    let row = under_load(&writer, &store, &jobs, planned).await;
    println!("| planned failover by Sentinel {row}");
    assert!(row.silence < LIMIT, "{row:?}");
    drop(set);
    // They choose the one that is furthest. One replica is left after that.
    let set = SentinelSet::start().await;
    let store = store_on(set.url(), WatchMode::Auto).await;
    let writer = careful_store_on(set.url(), 1).await;
    let jobs: Vec<_> = (0..4).map(|_| fresh_job()).collect();
    let dies = async {
        let primary = set.primary().await;
        set.kill(primary).await;
        let replaced = async {
            while set.primary().await == primary {
                sleep(Duration::from_millis(50)).await;
            }
        };
        let replaced = tokio::time::timeout(3 * PATIENCE, replaced).await;
        assert!(replaced.is_ok(), "another primary");
    };
    let row = under_load(&writer, &store, &jobs, dies).await;
    println!("| the primary dies, Sentinels {row}");
    assert!(row.silence < LIMIT, "{row:?}");
}
