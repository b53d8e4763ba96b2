//! A primary with two replicas that three Sentinels watch over; and a primary behind a name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId};
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{JobWrites as _, LogAppend as _, LogStore, NewJob, NewLine};
use test_support::{RedisServer, SentinelSet, TcpProxy};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::cluster::store_on;
use crate::support::{ALL, MODES, back, connected, options, soon};

fn line(text: impl ToString) -> NewLine {
    NewLine {
        text: Some(text.to_string()),
        ..NewLine::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_failover_is_followed_at_once() {
    let set = SentinelSet::start().await;
    let store = store_on(set.url(), WatchMode::Auto).await;
    let job = fresh_job();
    let mut watch = LogStore::watch(&store, &job);
    watch.read_after(EntryId::ZERO, ALL).await.unwrap();
    store.append(&job, &[line(0)]).await.unwrap();
    set.fail_over().await;
    let begin = Instant::now();
    // What is written to the new primary is read, and what the store writes is there.
    let own = format!("job:{job}:logs");
    set.command(&["XADD", &own, "*", "text", "1"]).await;
    soon("the line of the new primary", async {
        loop {
            watch.changed().await;
            let tail = watch.read_after(EntryId::ZERO, ALL).await;
            if tail.is_ok_and(|tail| tail.lines.len() == 2) {
                return;
            }
        }
    })
    .await;
    let followed = begin.elapsed();
    assert!(followed < Duration::from_secs(3), "{followed:?}");
    let new = NewJob {
        owner: log_domain::UserId::new("ann").unwrap(),
        created_at: "2026-01-01T00:00:00Z".into(),
        status: log_domain::JobStatus::Queued,
        org: None,
        fields: Vec::new(),
    };
    let fresh = fresh_job();
    store.create(&fresh, &new).await.unwrap();
    let exists = set.command(&["EXISTS", &format!("job:{fresh}")]).await;
    assert_eq!(exists.int(), 1, "created at the old primary");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_dies_is_replaced() {
    let set = SentinelSet::start().await;
    let store = store_on(set.url(), WatchMode::Auto).await;
    let job = fresh_job();
    store.append(&job, &[line(0)]).await.unwrap();
    let primary = set.primary().await;
    set.kill(primary).await;
    soon("another primary", async {
        while set.primary().await == primary {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let begin = Instant::now();
    soon("an append", async {
        while store.append(&job, &[line(1)]).await.is_err() {}
    })
    .await;
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "{:?}",
        begin.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_are_silent_hold_up_nobody() {
    let set = SentinelSet::start().await;
    let sentinels = set.sentinels();
    // Accepts connections and says nothing, as the first of the address.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SentinelSet::url_by(&[silent.local_addr().unwrap(), sentinels[2]]);
    let store = RedisStore::new(options(url, WatchMode::Auto)).unwrap();
    assert!(back(&store).await < Duration::from_secs(4));
    // Two of three take no packets.
    set.pause(sentinels[0]);
    set.pause(sentinels[1]);
    let store = RedisStore::new(options(set.url(), WatchMode::Auto)).unwrap();
    assert!(back(&store).await < Duration::from_secs(4));
    set.unpause(sentinels[0]);
    set.unpause(sentinels[1]);
}

/// A name whose address changes, while connections to the old one stay open: what DNS and floating addresses do.
struct Name {
    address: SocketAddr,
    now: Arc<parking_lot::Mutex<SocketAddr>>,
}

impl Name {
    async fn of(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let now = Arc::new(parking_lot::Mutex::new(server));
        let current = Arc::clone(&now);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let server = *current.lock();
                tokio::spawn(async move {
                    let mut server = tokio::net::TcpStream::connect(server).await.unwrap();
                    tokio::io::copy_bidirectional(&mut client, &mut server)
                        .await
                        .ok();
                });
            }
        });
        Self { address, now }
    }

    fn means(&self, server: SocketAddr) {
        *self.now.lock() = server;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_moves_behind_its_name_is_followed_and_nothing_is_lost() {
    for mode in MODES {
        let (old, new) = (RedisServer::start().await, RedisServer::start().await);
        let name = Name::of(old.address()).await;
        let store = RedisStore::new(options(format!("redis://{}", name.address), mode)).unwrap();
        connected(&store).await;
        let job = fresh_job();
        store.append(&job, &[line(0)]).await.unwrap();
        replicate(&new, &old).await;
        // As an operator does it: the new one takes over, the old one follows it, the name moves. All connections stay open.
        new.command(&["REPLICAOF", "NO", "ONE"]).await;
        replicate(&old, &new).await;
        name.means(new.address());
        for number in 1..=20 {
            store.append(&job, &[line(number)]).await.unwrap();
        }
        assert_eq!(numbers(&store, &job).await, (0..=20).collect::<Vec<_>>());
        let length = new.command(&["XLEN", &format!("job:{job}:logs")]).await;
        assert_eq!(length.int(), 21, "{mode:?}");
        let moved = format!("job:{}:logs", fresh_job());
        // The reads have moved too, although a replica answers them.
        let reads = soon("reads at the new primary", async {
            loop {
                new.command(&["CONFIG", "RESETSTAT"]).await;
                store.bounds(&job).await.unwrap();
                if crate::fred::calls(&new, "xinfo|stream").await > 0 {
                    return true;
                }
                sleep(Duration::from_millis(100)).await;
            }
        });
        assert!(reads.await, "{moved}");
    }
}

async fn replicate(replica: &RedisServer, primary: &RedisServer) {
    let port = primary.address().port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
    soon("the replication", async {
        loop {
            let info = replica.command(&["INFO", "replication"]).await.text();
            if info.contains("master_link_status:up") {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn numbers(store: &RedisStore, job: &JobId) -> Vec<u32> {
    let tail = store.read_after(job, EntryId::ZERO, ALL).await.unwrap();
    let texts = tail.lines.into_iter().filter_map(|line| line.text);
    texts.map(|text| text.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_somebody_named_can_be_read() {
    let (primary, replica) = (RedisServer::start().await, RedisServer::start().await);
    replicate(&replica, &primary).await;
    let proxy = TcpProxy::start(replica.address()).await;
    let url = format!("redis://{}", proxy.address());
    let store = RedisStore::new(options(url, WatchMode::Auto)).unwrap();
    connected(&store).await;
    sleep(Duration::from_millis(2_500)).await;
    store.bounds(&fresh_job()).await.unwrap();
    assert!(store.state().resyncs <= 3, "it connects again and again");
    let refused = store.append(&fresh_job(), &[line(0)]).await;
    assert!(refused.is_err_and(|error| error.is_retryable()));
}
