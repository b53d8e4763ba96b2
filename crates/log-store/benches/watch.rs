//! Watching 1 to 10,000 jobs by tracking and by polling: how long a line takes, and what it costs Redis.
//!
//! For each number of jobs, 1,000 lines a second are appended to random jobs: first without a reader, then with a watch of
//! each job by tracking, then by polling. The latency is from before the append to after the read. The CPU of Redis is that
//! of its main thread, as Redis reports it. The table is printed, and written to `target/bench-watch.json`.
//!
//! ```text
//! cargo bench -p log-store --bench watch -- [jobs …]
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that fails says so by a panic, and prints what it has measured"
)]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log_domain::{EntryId, JobId, ReadLimit};
use log_store::LogStore;
use log_store::redis::{RedisOptions, RedisStore, WatchMode};
use test_support::{RedisServer, RespClient};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// Lines in a tick: 1,000 a second, over all jobs.
const PER_TICK: usize = 5;

/// How long each case is measured, after as long a warm-up as [`WARM_UP`].
const MEASURED: Duration = Duration::from_secs(4);
const WARM_UP: Duration = Duration::from_secs(1);

/// How long lines are waited for after the last was written.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often lines are appended.
const TICK: Duration = Duration::from_millis(5);

const LIMIT: ReadLimit = ReadLimit {
    lines: 512,
    bytes: 256 * 1024,
};

/// What one case showed.
struct Row {
    jobs: usize,
    design: &'static str,
    written: u64,
    read: u64,
    p50_ms: f64,
    p99_ms: f64,
    /// Redis's CPU a line, in microseconds.
    redis_us: f64,
}

fn main() {
    let asked: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if asked.is_empty() {
        vec![1, 100, 1_000, 10_000]
    } else {
        asked
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let rows = runtime.block_on(async {
        let redis = RedisServer::start().await;
        let mut rows = Vec::new();
        println!(
            "{:>6} {:>9} {:>8} {:>8} {:>8} {:>8} {:>12} {:>6}",
            "jobs", "design", "written", "missing", "p50 ms", "p99 ms", "Redis us/line", "ratio"
        );
        for jobs in sizes {
            let mut base = f64::NAN;
            for design in [None, Some(WatchMode::Tracking), Some(WatchMode::Poll)] {
                let row = measure(&redis, jobs, design).await;
                if design.is_none() {
                    base = row.redis_us;
                }
                let missing = if design.is_some() {
                    row.written - row.read
                } else {
                    0
                };
                println!(
                    "{:>6} {:>9} {:>8} {:>8} {:>8.2} {:>8.2} {:>12.1} {:>6.2}",
                    row.jobs,
                    row.design,
                    row.written,
                    missing,
                    row.p50_ms,
                    row.p99_ms,
                    row.redis_us,
                    row.redis_us / base
                );
                rows.push(row);
            }
        }
        rows
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench-watch.json");
    std::fs::write(path, json(&rows)).unwrap();
}

fn json(rows: &[Row]) -> String {
    let mut text = String::from("[");
    for (n, row) in rows.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let number = |value: f64| {
            if value.is_finite() {
                format!("{value:.3}")
            } else {
                "null".into()
            }
        };
        write!(
            text,
            "{comma}\n{{\"jobs\":{},\"design\":\"{}\",\"written\":{},\"read\":{},\"p50_ms\":{},\"p99_ms\":{},\"redis_us_per_line\":{}}}",
            row.jobs,
            row.design,
            row.written,
            row.read,
            number(row.p50_ms),
            number(row.p99_ms),
            number(row.redis_us)
        )
        .unwrap();
    }
    text.push_str("\n]\n");
    text
}

async fn measure(redis: &RedisServer, jobs: usize, design: Option<WatchMode>) -> Row {
    redis.command(&["FLUSHALL"]).await;
    let ids: Vec<JobId> = (0..jobs)
        .map(|n| format!("bench-{n}").parse().unwrap())
        .collect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut readers = JoinSet::new();
    if let Some(watch) = design {
        let options = RedisOptions::new(redis.url()).watch(watch);
        let store = RedisStore::new(options).unwrap();
        while !store.state().connected {
            sleep(Duration::from_millis(10)).await;
        }
        for id in &ids {
            readers.spawn(follow(store.clone(), id.clone(), Arc::clone(&seen)));
        }
        // Every watch has read once before anything is written.
        let first_reads = Duration::from_micros(100 * ids.len() as u64);
        sleep(Duration::from_millis(500) + first_reads).await;
    }
    let mut writer = redis.client().await;
    write(&mut writer, &ids, WARM_UP).await;
    sleep(Duration::from_millis(300)).await;
    let begin = now_ms();
    let before = cpu(&mut writer).await;
    let written = write(&mut writer, &ids, MEASURED).await;
    // Lines of the warm-up may still come, where the machine is too slow.
    let measured = || {
        let seen = seen.lock().unwrap();
        let of_now = seen.iter().filter(|(sent, _)| *sent >= begin);
        of_now.map(|(_, late)| *late).collect::<Vec<_>>()
    };
    let end = Instant::now() + PATIENCE;
    while design.is_some() && (measured().len() as u64) < written && Instant::now() < end {
        sleep(Duration::from_millis(100)).await;
    }
    let spent = cpu(&mut writer).await - before;
    let mut seen = measured();
    readers.abort_all();
    seen.sort_by(f64::total_cmp);
    let percentile = |percent: usize| {
        let at = seen.len() * percent / 100;
        seen.get(at).copied().unwrap_or(f64::NAN)
    };
    Row {
        jobs,
        design: match design {
            None => "no reader",
            Some(WatchMode::Poll) => "polling",
            Some(WatchMode::Tracking | WatchMode::Auto) => "tracking",
        },
        written,
        read: seen.len() as u64,
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        redis_us: spent * 1e6 / written as f64,
    }
}

/// Reads lines as they come, as a feed does, and records how old each line is.
async fn follow(store: RedisStore, job: JobId, seen: Arc<Mutex<Vec<(f64, f64)>>>) {
    let mut watch = store.watch_log(&job);
    let mut position = EntryId::ZERO;
    loop {
        watch.changed().await;
        loop {
            let Ok(read) = watch.read_after(position, LIMIT).await else {
                break;
            };
            let now = now_ms();
            let mut seen = seen.lock().unwrap();
            for line in &read.lines {
                let sent: f64 = line
                    .text
                    .as_deref()
                    .unwrap_or_default()
                    .trim()
                    .parse()
                    .unwrap();
                seen.push((sent, now - sent));
                position = line.id;
            }
            if !read.more {
                break;
            }
        }
    }
}

/// Appends at the rate, as existing producers do; returns how many lines.
async fn write(client: &mut RespClient, jobs: &[JobId], during: Duration) -> u64 {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let begin = Instant::now();
    let mut written = 0;
    while begin.elapsed() < during {
        ticks.tick().await;
        for _ in 0..PER_TICK {
            let job = &jobs[fastrand::usize(..jobs.len())];
            // As long as a line of a build.
            let text = format!("{:<80}", now_ms());
            let command = [
                "XADD",
                &format!("job:{job}:logs"),
                "MAXLEN",
                "~",
                "50000",
                "*",
                "text",
                &text,
            ]
            .map(|word| word.as_bytes().to_vec());
            client.pipeline(&[command.to_vec()]).await;
            written += 1;
        }
    }
    written
}

fn now_ms() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
        * 1e3
}

/// The CPU seconds of Redis's main thread.
async fn cpu(client: &mut RespClient) -> f64 {
    let info = client.command(&["INFO", "cpu"]).await.text();
    let field = |name: &str| -> f64 {
        let value = info.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap().trim().parse().unwrap()
    };
    field("used_cpu_user_main_thread:") + field("used_cpu_sys_main_thread:")
}
