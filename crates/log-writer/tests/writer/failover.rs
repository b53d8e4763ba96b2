//! Failovers of the store that lose lines which were confirmed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, JobId, Line, LogBounds, Order, ReadLimit, Span};
use log_store::redis::{RedisOptions, RedisStore};
use log_store::{LogServer, LogStore, LogWatch, MemoryStore, NewLine, StoreError, TailRead};
use log_writer::{LogWriter, Stores, create_job};
use test_support::{RedisServer, TcpProxy};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Store, job, lines, numbered, store_with_job, texts};

/// A store that says when it is another server.
struct Moving {
    store: Arc<Store>,
    server: AtomicU64,
}

#[async_trait]
impl LogStore for Moving {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        self.store.read(job, span, order, limit).await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.store.read_after(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        self.store.bounds(job).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        self.store.watch_log(job)
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.store.ping_logs().await
    }

    fn server(&self, _: &JobId) -> LogServer {
        LogServer::Connected(self.server.load(Ordering::Relaxed))
    }
}

impl Moving {
    /// Another server takes over. It has the log up to its first lines, and what somebody else has written since.
    async fn fail_over(&self, kept: usize, others: &[&str]) {
        let memory: &MemoryStore = self.store.inner();
        let all: Vec<Line> = lines(&self.store).await;
        memory.delete_log(&job());
        let as_new = |text: Option<String>| NewLine {
            text,
            ..NewLine::default()
        };
        for line in &all[..kept] {
            let copy = NewLine {
                ts: line.ts.clone(),
                source: line.source.clone(),
                phase: line.phase.clone(),
                ..as_new(line.text.clone())
            };
            memory.append_at(&job(), line.id, &copy);
        }
        let last = all.last().map_or(EntryId::ZERO, |line| line.id);
        for (n, text) in (1..).zip(others) {
            let id = EntryId::new(last.ms() + n, 0);
            memory.append_at(&job(), id, &as_new(Some((*text).to_owned())));
        }
        self.server.fetch_add(1, Ordering::Relaxed);
    }
}

async fn writer() -> (Arc<Store>, Arc<Moving>, LogWriter) {
    let store = store_with_job().await;
    let moving = Arc::new(Moving {
        store: Arc::clone(&store),
        server: AtomicU64::new(1),
    });
    let stores = Stores {
        append: store.clone(),
        log: moving.clone(),
        jobs: Some(store.clone()),
    };
    let writer = LogWriter::builder(job(), stores).start().unwrap();
    (store, moving, writer)
}

#[tokio::test]
async fn lines_that_a_failover_lost_are_written_again_once_and_in_order() {
    for others in [&[][..], &["of another producer"]] {
        let (store, moving, writer) = writer().await;
        for n in 0..10 {
            writer.system(&format!("line {n}")).await;
        }
        writer.flush().await.unwrap();
        moving.fail_over(6, others).await;
        writer.system("line 10").await;
        writer.flush().await.unwrap();
        let mut expected = numbered(0..6);
        expected.extend(others.iter().map(|text| (*text).to_owned()));
        expected.extend(numbered(6..11));
        assert_eq!(texts(&store).await, expected);
    }
}

#[tokio::test]
async fn lines_that_are_lost_before_the_end_are_written_again_at_the_end() {
    let (store, moving, writer) = writer().await;
    for n in 0..10 {
        writer.system(&format!("line {n}")).await;
    }
    writer.flush().await.unwrap();
    moving.fail_over(3, &[]).await;
    drop(writer);
    let all = async {
        while texts(&store).await.len() < 10 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), all).await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..10));
}

#[tokio::test]
async fn another_connection_to_the_same_log_repeats_nothing() {
    let (store, moving, writer) = writer().await;
    for n in 0..10 {
        writer.system(&format!("line {n}")).await;
        writer.flush().await.unwrap();
        moving.server.fetch_add(1, Ordering::Relaxed);
    }
    writer.flush().await.unwrap();
    assert_eq!(texts(&store).await, numbered(0..10));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_a_failover_of_a_real_redis_that_loses_lines() {
    // Processes, because one follows the other by the address that the test uses.
    let (old, new) = (
        RedisServer::start_process().await,
        RedisServer::start_process().await,
    );
    let name = TcpProxy::start(old.address()).await;
    let url = format!("redis://{}", name.address());
    let store = Arc::new(RedisStore::new(RedisOptions::new(url.clone())).unwrap());
    let owner = log_domain::UserId::new("user_ann").unwrap();
    let created = async {
        while create_job(&*store, &job(), owner.clone()).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), created).await.unwrap();
    let writer = LogWriter::builder(job(), Stores::from(store))
        .start()
        .unwrap();
    let follower = RedisStore::new(RedisOptions::new(url)).unwrap();
    let follower = tokio::spawn(longest_silence(follower, "line 259", "line 399"));
    write(&writer, 0..200).await;
    new.follow(&old).await;
    new.command(&["REPLICAOF", "NO", "ONE"]).await;
    // These are confirmed, and the new server never gets them.
    write(&writer, 200..260).await;
    let key = format!("job:{}:logs", job());
    new.command(&["XADD", &key, "*", "text", "of another producer"])
        .await;
    name.lead_to(new.address());
    old.kill().await;
    write(&writer, 260..400).await;
    let texts = texts_at(&new, &key).await;
    let own = texts.iter().filter(|text| text.starts_with("line "));
    assert!(own.clone().eq(&numbered(0..400)), "{texts:?}");
    let silence = timeout(Duration::from_secs(10), follower).await.unwrap();
    let silence = silence.unwrap().as_secs_f64();
    println!(
        "| a failover loses 60 of 260 lines of `log-writer`, which goes on | 400 | {} | 0 | 0 | 0 | | {silence:.1} s |",
        own.count()
    );
}

/// Follows the log, and returns the longest time without a line between these two.
async fn longest_silence(store: RedisStore, first: &str, last: &str) -> Duration {
    let mut watch = store.watch_log(&job());
    let (mut position, mut silence) = (EntryId::ZERO, Duration::ZERO);
    let mut since: Option<Instant> = None;
    loop {
        watch.changed().await;
        let Ok(tail) = watch.read_after(position, ReadLimit::lines(1_000)).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        if let Some(gap) = tail.gap(position) {
            position = gap.resume_after;
        }
        for line in tail.lines {
            position = line.id;
            let text = line.text.as_deref();
            if let Some(since) = &mut since {
                silence = silence.max(since.elapsed());
                *since = Instant::now();
            } else if text == Some(first) {
                since = Some(Instant::now());
            }
            if text == Some(last) {
                return silence;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_count_as_written_when_a_replica_has_them_and_are_there_once() {
    let (primary, replica) = (
        RedisServer::start_process().await,
        RedisServer::start_process().await,
    );
    let port = primary.address().port().to_string();
    replica.command(&["REPLICAOF", "127.0.0.1", &port]).await;
    let options = RedisOptions::new(primary.url())
        .deadline(Duration::from_secs(1))
        .min_replicas(1);
    let store = Arc::new(RedisStore::new(options).unwrap());
    let owner = log_domain::UserId::new("user_ann").unwrap();
    let created = async {
        while create_job(&*store, &job(), owner.clone()).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), created).await.unwrap();
    let writer = LogWriter::builder(job(), Stores::from(store))
        .start()
        .unwrap();
    let key = format!("job:{}:logs", job());
    write(&writer, 0..50).await;
    assert_eq!(replica.command(&["XLEN", &key]).await.int(), 50);
    replica.pause().await;
    for text in numbered(50..80) {
        writer.system(&text).await;
    }
    // They are at the primary, and found there, again and again. That does not count.
    let flushed = timeout(Duration::from_secs(4), writer.flush()).await;
    assert!(!matches!(flushed, Ok(Ok(_))), "no replica has the lines");
    let there = primary.command(&["XLEN", &key]).await.int();
    assert!(there > 50, "{there}");
    replica.unpause().await;
    write(&writer, 80..100).await;
    assert_eq!(replica.command(&["XLEN", &key]).await.int(), 100);
    assert_eq!(texts_at(&replica, &key).await, numbered(0..100));
}

async fn write(writer: &LogWriter, range: std::ops::Range<usize>) {
    for text in numbered(range) {
        writer.system(&text).await;
    }
    timeout(Duration::from_secs(20), async {
        while writer.flush().await.is_err() {}
    })
    .await
    .unwrap();
}

/// The texts of all entries of a stream.
async fn texts_at(redis: &RedisServer, key: &str) -> Vec<String> {
    let entries = redis.command(&["XRANGE", key, "-", "+"]).await.array();
    let text = |entry: test_support::Value| {
        let fields = entry.array().remove(1).array();
        let mut names = fields.iter();
        let at = names.position(|name| name.text() == "text").unwrap();
        fields[at + 1].text()
    };
    entries.into_iter().map(text).collect()
}
