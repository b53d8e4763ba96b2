//! A real cluster: three masters with a replica each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use log_domain::{EntryId, JobId, Order, Span};
use log_store::conformance::fresh_job;
use log_store::redis::{KeyPatterns, RedisStore, WatchMode};
use log_store::{Jobs, LogStore};
use test_support::{ClusterNode, ClusterOptions, RedisCluster};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::load::under_load;
use crate::support::{ALL, MODES, hash, logs, options, soon};

/// A store on a cluster, with every slot served.
pub(crate) async fn store_on(url: String, mode: WatchMode) -> RedisStore {
    let store = RedisStore::new(options(url, mode)).unwrap();
    all_served(&store).await;
    store
}

/// Waits until every slot is served, also over a failover.
pub(crate) async fn all_served(store: &RedisStore) {
    let served = async {
        while store.state().slots_served < 16_384 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let served = timeout(Duration::from_secs(60), served).await;
    assert!(served.is_ok(), "only some slots: {:?}", store.state());
}

/// Gives a job an owner of its own name and some lines that say whose they are.
async fn write_own(cluster: &RedisCluster, job: &JobId, ids: impl IntoIterator<Item = u64>) {
    let (hash, logs) = (hash(job), logs(job));
    let owner = ["HSET", &hash, "user_id", job.as_str()];
    cluster.command(&hash, &owner).await;
    for id in ids {
        let id = format!("{id}-0");
        let add = ["XADD", &logs, &id, "text", job.as_str()];
        cluster.command(&logs, &add).await;
    }
}

/// Reads a job in every way, and says how many lines there were. Everything must be its own.
async fn read_own(store: &RedisStore, job: &JobId) -> Result<usize, log_store::StoreError> {
    let own = |line: &log_domain::Line| {
        assert_eq!(line.text.as_deref(), Some(job.as_str()), "a foreign line");
    };
    if let Some(record) = Jobs::get(store, job).await? {
        let owner = record.owner.unwrap();
        assert_eq!(owner.as_str(), job.as_str(), "a foreign owner");
    }
    let page = store
        .read(job, Span::default(), Order::NewestFirst, ALL)
        .await?;
    page.lines.iter().for_each(own);
    let mut watch = store.watch_log(job);
    let tail = watch.read_after(EntryId::ZERO, ALL).await?;
    tail.lines.iter().for_each(own);
    assert!(tail.lines.len() >= page.lines.len(), "{job} lost lines");
    Ok(page.lines.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_anothers_log_while_slots_move() {
    const LINES: usize = 20;
    let cluster = RedisCluster::start().await;
    let store = store_on(cluster.url(), WatchMode::Auto).await;
    let jobs: Vec<_> = (0..40).map(|_| fresh_job()).collect();
    for job in &jobs {
        write_own(&cluster, job, 1..=LINES as u64).await;
    }
    let (done, reads, failed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut readers = JoinSet::new();
    for reader in 0..16 {
        let (store, jobs) = (store.clone(), jobs.clone());
        let (done, reads, failed) = (done.clone(), reads.clone(), failed.clone());
        readers.spawn(async move {
            for turn in reader.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                match read_own(&store, &jobs[turn % jobs.len()]).await {
                    Ok(lines) => {
                        assert_eq!(lines, LINES);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => {
                        assert!(error.is_retryable(), "{error}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    }
    // The slots of half of the jobs move, and are held on their way: half of them with their keys at the old master, half
    // of them with their keys at the new one.
    let mut moves = BTreeMap::new();
    for job in jobs.iter().take(20) {
        for key in [logs(job), hash(job)] {
            let from = cluster.master_of(&key).await;
            let to = another_master(&cluster, from).await;
            moves.insert(cluster.slot(&key).await, (from, to));
        }
    }
    for (turn, (slot, (from, to))) in moves.iter().enumerate() {
        cluster.begin_move(*slot, from, to).await;
        if turn % 2 == 0 {
            cluster.move_keys(*slot, from, to).await;
        }
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(3)).await;
    let during = reads.load(Ordering::Relaxed);
    assert!(during > 200, "only {during} reads while slots move");
    for (slot, (from, to)) in moves {
        cluster.move_keys(slot, from, to).await;
        cluster.end_move(slot, to).await;
    }
    sleep(Duration::from_millis(500)).await;
    done.store(true, Ordering::Relaxed);
    while let Some(reader) = readers.join_next().await {
        reader.unwrap();
    }
    let failed = failed.load(Ordering::Relaxed);
    assert_eq!(failed, 0, "reads failed although the cluster is well");
    let (jobs, reads) = (jobs.len(), reads.load(Ordering::Relaxed));
    println!("| slots of {jobs} jobs held for 3 s, {reads} reads, none failed and none foreign");
}

/// The next master after one, in the order in which they began.
pub(crate) async fn another_master<'a>(
    cluster: &'a RedisCluster,
    from: &ClusterNode,
) -> &'a ClusterNode {
    let masters = &cluster.nodes()[..3];
    let at = masters
        .iter()
        .position(|node| node.address() == from.address());
    &masters[(at.unwrap() + 1) % masters.len()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_gets_every_line_once_while_its_slot_moves_to_and_fro() {
    let cluster = RedisCluster::start().await;
    let patterns = ["job:{job_id}", "job:{{job_id}}"];
    let cases = MODES.map(|mode| patterns.map(|keys| (mode, keys)));
    // One slot at a time, as `redis-cli` moves them. If a master takes another slot over before it has heard that it has lost
    // this one, its claim to this one is the newest, and the new master throws the keys away.
    let turn = tokio::sync::Mutex::new(());
    let rows = cases.concat().into_iter().map(async |(mode, keys)| {
        let job = fresh_job();
        let store = |node: usize| {
            let options = options(cluster.url_of(node), mode);
            RedisStore::new(options.keys(KeyPatterns::new(keys).unwrap())).unwrap()
        };
        let (writer, reader) = (store(0), store(1));
        tokio::join!(all_served(&writer), all_served(&reader));
        let key = KeyPatterns::new(keys).unwrap().logs(&job);
        let slot = cluster.slot(&key).await;
        let moves = async {
            for _ in 0..2 {
                let turn = turn.lock().await;
                let from = cluster.master_of(&key).await;
                let to = another_master(&cluster, from).await;
                cluster.begin_move(slot, from, to).await;
                sleep(Duration::from_millis(300)).await;
                cluster.move_keys(slot, from, to).await;
                sleep(Duration::from_millis(300)).await;
                cluster.end_move(slot, to).await;
                sleep(Duration::from_millis(300)).await;
                drop(turn);
            }
        };
        let row = under_load(&writer, &reader, &[job], moves).await;
        println!("| a slot moves to and fro, {mode}, keys {keys} {row}");
        assert!(row.gaps == 0 && row.delivered > 20, "{row:?}");
    });
    join_all(rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_master_is_noticed_by_its_own_jobs_only() {
    let options = ClusterOptions {
        serves_partly: true,
        // Longer than a job of another master may take.
        node_timeout: Duration::from_secs(5),
    };
    let cluster = RedisCluster::start_with(options).await;
    let store = store_on(cluster.url(), WatchMode::Auto).await;
    let victim = &cluster.nodes()[1];
    // A job of each master.
    let mut jobs: [Option<JobId>; 3] = [None, None, None];
    while jobs.iter().any(Option::is_none) {
        let job = fresh_job();
        let master = cluster.master_of(&logs(&job)).await.address();
        let mut nodes = cluster.nodes().iter().take(3);
        jobs[nodes.position(|node| node.address() == master).unwrap()] = Some(job);
    }
    let [one, own, other] = jobs.map(Option::unwrap);
    store.bounds(&own).await.unwrap();
    let dies = async {
        victim.kill().await;
        let key = logs(&own);
        while cluster.master_of(&key).await.address() == victim.address() {
            sleep(Duration::from_millis(20)).await;
        }
        // Its own job is back soon after the replica has taken over.
        let failed_over = Instant::now();
        soon("the job of the lost master", async {
            while store.bounds(&own).await.is_err() {}
        })
        .await;
        assert!(failed_over.elapsed() < Duration::from_secs(3));
    };
    let row = under_load(&store, &store, &[one, other], dies).await;
    println!("| a master dies: jobs of other masters {row}");
    assert!(row.gaps == 0 && row.again == 0, "{row:?}");
    assert!(row.silence < Duration::from_secs(2), "{row:?}");
    all_served(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_healthy_is_served_although_a_master_and_its_replica_are_gone() {
    let options = ClusterOptions {
        serves_partly: true,
        ..ClusterOptions::default()
    };
    let cluster = RedisCluster::start_with(options).await;
    let store = store_on(cluster.url(), WatchMode::Auto).await;
    let lost = &cluster.nodes()[0];
    let replica = cluster.replica_of(lost).await;
    replica.kill().await;
    lost.kill().await;
    let fresh = RedisStore::new(crate::support::options(cluster.url(), WatchMode::Auto)).unwrap();
    let mut counts = [0, 0];
    for _ in 0..12 {
        let job = fresh_job();
        let is_lost = cluster_says_lost(&cluster, &logs(&job)).await;
        for store in [&store, &fresh] {
            let read = soon("an answer", store.bounds(&job)).await;
            assert_eq!(read.is_err(), is_lost, "{read:?}");
            if let Err(error) = read {
                assert!(error.is_retryable(), "{error}");
            }
        }
        counts[usize::from(is_lost)] += 1;
    }
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    for store in [&store, &fresh] {
        store.ping_logs().await.unwrap();
        store.check().await.unwrap();
        let served = store.state().slots_served;
        assert!(served > 10_000 && served < 12_000, "{served}");
        assert!(store.state().connected);
    }
    lost.start_again().await;
    all_served(&store).await;
}

/// Whether the first master of the cluster served a key. It is the one that is lost.
async fn cluster_says_lost(cluster: &RedisCluster, key: &str) -> bool {
    let slot = cluster.nodes()[1]
        .command(&["CLUSTER", "KEYSLOT", key])
        .await;
    slot.int() <= 5_460
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_finds_the_cluster_although_the_node_of_its_address_dies() {
    let cluster = RedisCluster::start().await;
    let store = store_on(cluster.url_of(0), WatchMode::Auto).await;
    let job = fresh_job();
    cluster.nodes()[0].kill().await;
    soon("every slot", async {
        while store.state().slots_served == 16_384 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    all_served(&store).await;
    store.bounds(&job).await.unwrap();
    // Two of six are silent.
    for node in &cluster.nodes()[1..3] {
        node.pause();
    }
    soon("the loss of two masters", async {
        while store.state().slots_served == 16_384 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    for node in &cluster.nodes()[1..3] {
        node.unpause();
    }
    all_served(&store).await;
    store.bounds(&job).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_address_of_a_node_is_refused_by_name() {
    let cluster = RedisCluster::start().await;
    let url = format!("redis://{}", cluster.nodes()[0].address());
    let store = RedisStore::new(options(url, WatchMode::Auto)).unwrap();
    let refused = soon("the check", Box::pin(store.check()))
        .await
        .unwrap_err();
    assert!(!refused.is_retryable());
    let said = refused.to_string();
    assert!(said.contains("must begin with redis-cluster://"), "{said}");
}
