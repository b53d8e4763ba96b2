//! Logs whose lines suddenly have another size: what Redis sends for them. How many lines a read asks for follows what was
//! seen before, so the first read after such a turn asks for too many.

use log_domain::{EntryId, JobId};
use log_store::conformance::fresh_job;
use log_store::redis::RedisStore;
use log_store::{LogStore, LogWatch};
use test_support::RedisServer;

use crate::sizes::{LIMITS, SIZES, fill, frame, own, peak_memory, replay, sent};
use crate::support::soon;

/// Sizes that follow each other.
const TURNS: [usize; 5] = [10, 1_000, 10_000, 100_000, 1_000_000];

/// More lines than one command asks for.
const MANY: usize = 300;

/// The most lines that one command asks for.
const BURST: usize = 128;

/// So many lines of a size that a test takes seconds.
fn some(size: usize, most: usize) -> Vec<usize> {
    vec![size; (16_000_000 / size).min(most)]
}

/// Reads a log from its start, and says how many bytes Redis sent for each that a client gets.
async fn ratio(redis: &RedisServer, store: &RedisStore, sizes: &[usize]) -> f64 {
    let job = fresh_job();
    fill(redis, &job, sizes).await;
    let mut worst: f64 = 0.0;
    for limit in LIMITS {
        let before = sent(redis).await;
        let (lines, got) = replay(store, &job, limit).await;
        assert_eq!(lines, sizes.len());
        worst = worst.max(quotient(sent(redis).await - before, got));
    }
    redis.command(&["DEL", &format!("job:{job}:logs")]).await;
    worst
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn quotient(sent: usize, got: usize) -> f64 {
    sent as f64 / got as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_twice_what_a_reader_gets_after_any_turn() {
    let (redis, store) = own().await;
    for first in TURNS {
        for then in TURNS {
            // And back again: the size of the last line is known before the first read.
            let sizes = [some(first, MANY), some(then, MANY), some(first, MANY)].concat();
            let ratio = ratio(&redis, &store, &sizes).await;
            println!("{first} B, then {then} B, and back: {ratio:.2}");
            assert!(ratio <= 2.0, "{first} B, then {then} B: {ratio}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_two_and_a_half_times_what_a_reader_gets_of_sizes_that_alternate() {
    let (redis, store) = own().await;
    for large in [1_000, 10_000, 100_000, 1_000_000] {
        for run in [1, 10, BURST] {
            let rounds = (16_000_000 / large / run).clamp(1, 10);
            let round = [vec![10; run], vec![large; run]].concat();
            let ratio = ratio(&redis, &store, &round.repeat(rounds)).await;
            println!("{rounds} times {run} lines of 10 B, {run} of {large} B: {ratio:.2}");
            assert!(ratio <= 2.5, "{run} lines of {large} B: {ratio}");
        }
    }
}

/// A reader that is at the end of a log.
struct Live {
    job: JobId,
    watch: Box<dyn LogWatch>,
    position: EntryId,
    /// The bytes that a client got.
    got: usize,
}

impl Live {
    fn new(store: &RedisStore) -> Self {
        let job = fresh_job();
        Self {
            watch: store.watch_log(&job),
            job,
            position: EntryId::ZERO,
            got: 0,
        }
    }

    /// Reads so many lines, as a follower does: it reads on without a notice while there is more.
    async fn read(&mut self, mut lines: usize) {
        while lines > 0 {
            soon("a notice", self.watch.changed()).await;
            let mut more = true;
            while more {
                let tail = self.watch.read_after(self.position, LIMITS[1]).await;
                let tail = tail.unwrap();
                lines -= tail.lines.len();
                self.got += tail.lines.iter().map(frame).sum::<usize>();
                self.position = tail.lines.last().map_or(self.position, |line| line.id);
                more = tail.more;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_sends_at_most_three_times_what_a_live_reader_gets_of_a_burst_after_short_lines() {
    let (redis, store) = own().await;
    for size in SIZES {
        let mut live = Live::new(&store);
        for _ in 0..20 {
            fill(&redis, &live.job, &[10]).await;
            live.read(1).await;
        }
        let (before, got) = (sent(&redis).await, live.got);
        let burst = some(size, BURST);
        fill(&redis, &live.job, &burst).await;
        live.read(burst.len()).await;
        let ratio = quotient(sent(&redis).await - before, live.got - got);
        println!("a burst of {} lines of {size} B: {ratio:.2}", burst.len());
        assert!(ratio <= 3.0, "{size} B: {ratio}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_long_lines_after_short_ones_takes_little_memory() {
    let (redis, store) = own().await;
    let mut live = Live::new(&store);
    for _ in 0..20 {
        fill(&redis, &live.job, &[10]).await;
        live.read(1).await;
    }
    let before = peak_memory();
    fill(&redis, &live.job, &[1_000_000; BURST]).await;
    live.read(BURST).await;
    let grown = peak_memory() - before;
    assert!(grown <= 64, "{grown} MiB for lines of 1 MB");
}
