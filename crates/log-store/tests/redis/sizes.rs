//! Lines of any size: what Redis sends for them, and what reading them costs this process and others.

use std::time::Duration;

use log_domain::{EntryId, JobId, Line, Order, ReadLimit, Span};
use log_store::LogStore;
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use test_support::RedisServer;
use tokio::time::Instant;

use crate::fred::calls;
use crate::support::{Setup, connected, logs, options, soon};

/// How the hub reads for a viewer that catches up, and for a feed.
pub(crate) const LIMITS: [ReadLimit; 2] = [
    ReadLimit {
        lines: 256,
        bytes: 64 * 1024,
    },
    ReadLimit {
        lines: 512,
        bytes: 256 * 1024,
    },
];

pub(crate) const SIZES: [usize; 7] = [10, 80, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Appends lines with texts of these sizes, inside Redis.
pub(crate) async fn fill(redis: &RedisServer, job: &JobId, sizes: &[usize]) {
    const SCRIPT: &str = "for i = 1, #ARGV do
        redis.call('XADD', KEYS[1], '*', 'ts', '2026-11-29T12:00:00.000Z', 'source', 'stdout',
            'text', string.rep('x', ARGV[i]), 'phase', 'code') end";
    for sizes in sizes.chunks(500) {
        let mut command = vec!["EVAL".to_owned(), SCRIPT.into(), "1".into(), logs(job)];
        command.extend(sizes.iter().map(usize::to_string));
        redis.command(&command).await;
    }
}

/// What a client gets of a line: a frame of SSE.
pub(crate) fn frame(line: &Line) -> usize {
    let id = line.id;
    let fixed = format!(
        "event: log\nid: {id}\ndata: {{\"id\":\"{id}\",\"ts\":\"\",\"source\":\"\",\"text\":\"\",\"phase\":\"\"}}\n\n"
    );
    fixed.len() + line.bytes()
}

/// How many bytes Redis has sent to everybody.
pub(crate) async fn sent(redis: &RedisServer) -> usize {
    let stats = redis.command(&["INFO", "stats"]).await.text();
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().parse().unwrap()
}

/// Reads a log from its start as a client does that has fallen behind; returns how many lines and bytes a client gets.
pub(crate) async fn replay(store: &RedisStore, job: &JobId, limit: ReadLimit) -> (usize, usize) {
    let (mut position, mut lines, mut bytes) = (EntryId::ZERO, 0, 0);
    loop {
        let tail = store.read_after(job, position, limit).await.unwrap();
        assert!(!tail.lines.is_empty() || !tail.more);
        for line in &tail.lines {
            assert!(line.id > position);
            position = line.id;
            lines += 1;
            bytes += frame(line);
        }
        if !tail.more {
            return (lines, bytes);
        }
    }
}

/// Lines of one size, some megabytes of them.
fn lines_of(size: usize) -> Vec<usize> {
    vec![size; (8_000_000 / size).min(3_000)]
}

/// Sizes from 10 bytes to 1 MB, evenly spread over the orders of magnitude, and the same each time.
fn mixed(count: usize) -> Vec<usize> {
    let mut rng = fastrand::Rng::with_seed(15);
    let sizes = (0..count).map(|_| 10_f64.powf(1.0 + 5.0 * rng.f64()));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a million"
    )]
    sizes.map(|size| size as usize).collect()
}

/// A store with a deadline that no busy machine reaches, directly on a server of its own.
pub(crate) async fn own() -> (RedisServer, RedisStore) {
    let redis = RedisServer::start().await;
    let store = RedisStore::new(
        options(redis.url(), WatchMode::Tracking).deadline(Duration::from_secs(20)),
    )
    .unwrap();
    connected(&store).await;
    (redis, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_twice_what_a_reader_gets_whatever_the_size_of_the_lines() {
    let (redis, store) = own().await;
    for size in SIZES {
        let (job, sizes) = (fresh_job(), lines_of(size));
        fill(&redis, &job, &sizes).await;
        for limit in LIMITS {
            let before = sent(&redis).await;
            let (lines, got) = replay(&store, &job, limit).await;
            let sent = sent(&redis).await - before;
            assert_eq!(lines, sizes.len(), "{size}");
            assert!(sent <= 2 * got, "{size}: {sent} sent for {got}");
        }
        redis.command(&["DEL", &logs(&job)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_two_and_a_half_times_what_a_reader_gets_of_mixed_lines() {
    let (redis, store) = own().await;
    let (job, sizes) = (fresh_job(), mixed(300));
    fill(&redis, &job, &sizes).await;
    for limit in LIMITS {
        let before = sent(&redis).await;
        let (lines, got) = replay(&store, &job, limit).await;
        let sent = sent(&redis).await - before;
        assert_eq!(lines, sizes.len());
        assert!(2 * sent <= 5 * got, "{sent} sent for {got}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_three_times_what_a_live_reader_gets_of_bursts() {
    let (redis, store) = own().await;
    for size in SIZES {
        let job = fresh_job();
        let mut watch = store.watch_log(&job);
        watch.read_after(EntryId::ZERO, LIMITS[1]).await.unwrap();
        let burst = vec![size; (200_000 / size).clamp(1, 50)];
        let before = sent(&redis).await;
        let (mut position, mut got) = (EntryId::ZERO, 0);
        for _ in 0..20 {
            fill(&redis, &job, &burst).await;
            let mut lines = 0;
            while lines < burst.len() {
                soon("a notice", watch.changed()).await;
                let tail = watch.read_after(position, LIMITS[1]).await.unwrap();
                lines += tail.lines.len();
                got += tail.lines.iter().map(frame).sum::<usize>();
                position = tail.lines.last().map_or(position, |line| line.id);
                if tail.more {
                    // As a follower does: it reads on without a notice.
                    let tail = watch.read_after(position, LIMITS[1]).await.unwrap();
                    lines += tail.lines.len();
                    got += tail.lines.iter().map(frame).sum::<usize>();
                    position = tail.lines.last().map_or(position, |line| line.id);
                }
            }
            assert_eq!(lines, burst.len());
        }
        let sent = sent(&redis).await - before;
        assert!(sent <= 3 * got, "{size}: {sent} sent for {got}");
    }
}

/// The most memory that this process has had, in MiB.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024
}

/// Appends small lines and then large ones, whose bytes are in one field.
async fn fill_large(redis: &RedisServer, job: &JobId, small: usize, large: usize, field: &str) {
    fill(redis, job, &vec![80; small]).await;
    for _ in 0..large {
        let script = format!(
            "redis.call('XADD', KEYS[1], '*', 'text', 'l', '{field}', string.rep('x', 5000000))"
        );
        redis.command(&["EVAL", &script, "1", &logs(job)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_very_long_lines_take_bounded_memory_and_hold_up_nobody() {
    let (redis, store) = own().await;
    let (text, foreign, short) = (fresh_job(), fresh_job(), fresh_job());
    fill_large(&redis, &text, 0, 40, "text").await;
    fill_large(&redis, &foreign, 0, 40, "trace").await;
    fill(&redis, &short, &[80; 500]).await;
    let span = Span::default();
    let page = |job, order| store.read(job, span, order, ReadLimit::lines(500));
    page(&short, Order::NewestFirst).await.unwrap();
    let before = peak_memory();
    let others = async {
        let mut longest = Duration::ZERO;
        for _ in 0..100 {
            let begin = Instant::now();
            let batch = page(&short, Order::NewestFirst).await.unwrap();
            assert_eq!(batch.lines.len(), 500);
            longest = longest.max(begin.elapsed());
        }
        longest
    };
    let large = async {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            for job in [&text, &foreign] {
                let batch = page(job, order).await.unwrap();
                assert!(!batch.lines.is_empty() && batch.more);
                // Two of them are more than the 8 MiB of a read.
                assert_eq!(batch.lines.len(), 1);
            }
        }
    };
    let (longest, ()) = tokio::join!(others, large);
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let grown = peak_memory() - before;
    assert!(grown <= 64, "{grown} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn following_a_log_of_very_long_lines_takes_bounded_memory() {
    let (redis, store) = own().await;
    let job = fresh_job();
    fill_large(&redis, &job, 3, 40, "text").await;
    let mut watch = store.watch_log(&job);
    let before = peak_memory();
    let (mut position, mut lines) = (EntryId::ZERO, 0);
    while lines < 43 {
        watch.changed().await;
        loop {
            let tail = watch.read_after(position, LIMITS[1]).await.unwrap();
            position = tail.lines.last().map_or(position, |line| line.id);
            lines += tail.lines.len();
            if !tail.more {
                break;
            }
        }
    }
    let grown = peak_memory() - before;
    assert!(grown <= 64, "{grown} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_with_a_long_first_line_is_followed_by_reads_without_it() {
    let (redis, store) = own().await;
    let job = fresh_job();
    fill(&redis, &job, &[1_000_000]).await;
    let mut watch = store.watch_log(&job);
    let tail = watch.read_after(EntryId::ZERO, LIMITS[1]).await.unwrap();
    let mut position = tail.lines[0].id;
    let before = sent(&redis).await;
    for _ in 0..100 {
        fill(&redis, &job, &[80]).await;
        soon("the line", async {
            loop {
                watch.changed().await;
                let tail = watch.read_after(position, LIMITS[1]).await.unwrap();
                if let Some(line) = tail.lines.last() {
                    position = line.id;
                    return;
                }
            }
        })
        .await;
    }
    let sent = sent(&redis).await - before;
    assert!(sent < 1_000_000, "{sent} for a hundred short lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_to_scripts_every_line_is_read_by_plain_commands() {
    let redis = RedisServer::start().await;
    redis
        .command(&[
            "ACL",
            "SETUSER",
            "plain",
            "on",
            ">secret",
            "~*",
            "&*",
            "+@all",
            "-@scripting",
        ])
        .await;
    let url = redis.url_as("plain", "secret");
    let store = RedisStore::new(options(url, WatchMode::Tracking)).unwrap();
    connected(&store).await;
    let (job, sizes) = (fresh_job(), mixed(100));
    fill(&redis, &job, &sizes).await;
    for limit in LIMITS {
        assert_eq!(replay(&store, &job, limit).await.0, sizes.len());
    }
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    store
        .read_after(&fresh_job(), EntryId::ZERO, LIMITS[0])
        .await
        .unwrap();
    assert_eq!(
        calls(&redis, "eval_ro").await,
        0,
        "it is not tried each time"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_known_log_of_short_lines_is_one_command() {
    let setup = Setup::own(WatchMode::Tracking).await;
    let job = fresh_job();
    fill(&setup.redis, &job, &[80; 200]).await;
    let page = |limit| {
        setup
            .store
            .read(&job, Span::default(), Order::NewestFirst, limit)
    };
    // The first one does not know the log: one script.
    assert_eq!(page(ReadLimit::lines(100)).await.unwrap().lines.len(), 100);
    assert_eq!(calls(&setup.redis, "eval_ro").await, 1);
    setup.redis.command(&["CONFIG", "RESETSTAT"]).await;
    assert_eq!(page(ReadLimit::lines(100)).await.unwrap().lines.len(), 100);
    assert_eq!(calls(&setup.redis, "xrevrange").await, 1);
    assert_eq!(calls(&setup.redis, "eval_ro").await, 0);
}
