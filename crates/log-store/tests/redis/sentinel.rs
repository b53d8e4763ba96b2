//! A primary with two replicas that three Sentinels watch over; and a primary behind a name.

use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, Start};
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{
    FollowEvent, FollowOptions, Follower, JobWrites as _, LogAppend as _, LogStore, NewJob,
    NewLine, TicketKey, Tickets as _,
};
use test_support::{RedisServer, SentinelSet, TcpProxy};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::cluster::store_on;
use crate::load::under_load;
use crate::support::{ALL, MODES, PATIENCE, back, connected, hash, options, produce, soon};

pub(crate) fn line(text: impl ToString) -> NewLine {
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
    let mut watch = store.watch_log(&job);
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
        created_at: SystemTime::now(),
        status: log_domain::JobStatus::QUEUED,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_moves_behind_its_name_is_followed_and_nothing_is_lost() {
    for mode in MODES {
        let (old, new) = two_servers().await;
        let name = TcpProxy::start(old.address()).await;
        let store = RedisStore::new(options(format!("redis://{}", name.address()), mode)).unwrap();
        connected(&store).await;
        let (job, other, ticket) = (fresh_job(), fresh_job(), TicketKey::new([7; 32]));
        store.put(&ticket, "before", PATIENCE).await.unwrap();
        new.follow(&old).await;
        // As an operator does it: they change places, and then the name moves. All connections stay open.
        let moves = async {
            let port = new.address().port().to_string();
            old.command(&["FAILOVER", "TO", "127.0.0.1", &port]).await;
            soon("the new primary", async {
                while new.command(&["ROLE"]).await.array()[0].text() != "master" {
                    sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
            name.lead_to(new.address());
            soon("tickets", async {
                while store.put(&ticket, "after", PATIENCE).await.is_err() {
                    sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
            assert_eq!(store.take(&ticket).await.unwrap().as_deref(), Some("after"));
        };
        let row = under_load(&store, &store, &[job.clone(), other], moves).await;
        println!("| a primary moves behind its name, connections open, {mode} {row}");
        assert!(row.gaps == 0 && row.again == 0, "{row:?}");
        assert!(row.silence < PATIENCE, "{row:?}");
        // The reads have moved too, although a replica answers them.
        soon("reads at the new primary", async {
            loop {
                new.command(&["CONFIG", "RESETSTAT"]).await;
                store.bounds(&job).await.unwrap();
                if crate::fred::calls(&new, "xinfo|stream").await > 0 {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
    }
}

/// Two servers that reach each other by the addresses that the test uses, as two containers do not.
pub(crate) async fn two_servers() -> (RedisServer, RedisServer) {
    (
        RedisServer::start_process().await,
        RedisServer::start_process().await,
    )
}

pub(crate) async fn numbers(store: &RedisStore, job: &JobId) -> Vec<u32> {
    let tail = store.read_after(job, EntryId::ZERO, ALL).await.unwrap();
    let texts = tail.lines.into_iter().filter_map(|line| line.text);
    texts.map(|text| text.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_somebody_named_can_be_read() {
    let (primary, replica) = two_servers().await;
    replica.follow(&primary).await;
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

/// A failover that loses the last lines, with others written since: `(the old server, the new one, their name)`.
async fn lossy(job: &JobId, kept: u64, lost: u64) -> (RedisServer, RedisServer, TcpProxy) {
    let (old, new) = two_servers().await;
    let name = TcpProxy::start(old.address()).await;
    old.command(&["HSET", &hash(job), "status", "code", "user_id", "ann"])
        .await;
    produce(&old, job, 1..=kept).await;
    new.follow(&old).await;
    new.command(&["REPLICAOF", "NO", "ONE"]).await;
    produce(&old, job, kept + 1..=kept + lost).await;
    (old, new, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_a_failover_lost_are_a_gap_although_others_were_written_since() {
    for mode in MODES {
        let job = fresh_job();
        let (old, new, name) = lossy(&job, 70, 50).await;
        let url = format!("redis://{}", name.address());
        let store = RedisStore::new(options(url.clone(), mode)).unwrap();
        connected(&store).await;
        let start = Start::After(EntryId::ZERO);
        let rules = FollowOptions::default();
        let mut follower = Follower::open(&store, &store, &job, start, rules)
            .await
            .unwrap();
        let mut seen = Vec::new();
        while seen.last() != Some(&120) {
            seen.extend(next_lines(&mut follower).await.1);
        }
        name.lead_to(new.address());
        let last = Instant::now();
        old.kill().await;
        // As many again, with later ids: nothing in the numbers of the log is less than before.
        produce(&new, &job, 1_000..=1_080).await;
        let (gap, lines) = next_lines(&mut follower).await;
        let silence = last.elapsed().as_secs_f64();
        assert_eq!(gap, Some((120, Some(1_000))), "{mode:?}");
        assert_eq!(lines.first(), Some(&1_000));
        // A process that knows nothing of it, and a client that comes back to it.
        let fresh = RedisStore::new(options(url, mode)).unwrap();
        connected(&fresh).await;
        let start = Start::After(EntryId::new(120, 0));
        let mut resumed = Follower::open(&fresh, &fresh, &job, start, rules)
            .await
            .unwrap();
        let (gap, lines) = next_lines(&mut resumed).await;
        assert_eq!(gap, Some((120, Some(1_000))), "{mode:?}, a fresh process");
        assert_eq!(lines.len(), 81);
        // Milliseconds alone are a time.
        let start = Start::AfterTime(EntryId::new(120, 0));
        let mut by_time = Follower::open(&fresh, &fresh, &job, start, rules)
            .await
            .unwrap();
        let (gap, lines) = next_lines(&mut by_time).await;
        assert_eq!((gap, lines.len()), (None, 81), "{mode:?}, a time");
        println!(
            "| a failover loses 50 of 120 lines, 81 written since, {mode} | 201 | 201 | 50, told | 0 | 0 | 1 | {silence:.1} s |"
        );
    }
}

type Ids = Vec<u64>;

/// The next lines of a follower, and the gap before them.
async fn next_lines(follower: &mut Follower) -> (Option<(u64, Option<u64>)>, Ids) {
    loop {
        let event = soon("lines", follower.next()).await.unwrap().unwrap();
        match event {
            FollowEvent::Lines(new) => {
                let gap = new.gap.map(|found| found.gap);
                let gap = gap.map(|gap| (gap.after_id.ms(), gap.first_id.map(EntryId::ms)));
                return (gap, new.lines.iter().map(|line| line.id.ms()).collect());
            }
            FollowEvent::End { .. } => panic!("the log has ended"),
            _ => {}
        }
    }
}
