//! Compares the writer with `redis-benchmark`: recorded builds, chunk by chunk, through redaction into a real Redis, against
//! pipelined `XADD`.
//!
//! Both send the same four fields, lines of the same mean length, in batches of 500, over one connection, to one server
//! on this machine. They take turns, and the median of the rounds counts. Run it with `cargo xtask bench ship`. The first
//! argument is the number of lines in a round (300,000), the second one the number of rounds (5).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark that cannot run has failed, and it prints its result"
)]

use std::process::Stdio;
use std::sync::Arc;

use log_domain::{JobId, JobStatus, Source, UserId};
use log_store::redis::{RedisOptions, RedisStore};
use log_writer::{LogWriter, Redaction, create_job};
use test_support::{Chunk, Recording, RedisServer};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::Instant;

/// The share of `redis-benchmark`'s rate that the writer must reach.
const MIN_RATIO: f64 = 0.6;

/// The recordings that are shipped: always the same, so that figures can be compared.
const BUILDS: [&str; 4] = [
    "cargo-test-color",
    "gcc-warnings",
    "npm-install",
    "pip-install",
];

/// The number of lines in a batch of the writer.
const PIPELINE: &str = "500";

fn main() {
    // Cargo adds `--bench`.
    let numbers = std::env::args().skip(1).filter(|word| word != "--bench");
    let numbers: Vec<usize> = numbers.map(|word| word.parse().unwrap()).collect();
    let lines = numbers.first().copied().unwrap_or(300_000);
    let rounds = numbers.get(1).copied().unwrap_or(5);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(compare(lines, rounds));
}

async fn compare(lines: usize, rounds: usize) {
    let server = RedisServer::start_process().await;
    let recorded: Vec<Recording> = BUILDS.map(Recording::load).into();
    let (mean_length, repeats) = measure(&recorded, lines).await;
    println!(
        "{lines} lines a round, {mean_length} bytes each on average, {rounds} rounds in turn\n"
    );
    println!(
        "round   redis-benchmark        log-writer     ratio   Redis CPU a line, theirs   ours"
    );
    let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        let before = cpu(&server).await;
        let bare = redis_benchmark(&server, lines, mean_length).await;
        let between = cpu(&server).await;
        let (shipped, rate) = ship(&server, &recorded, repeats, round).await;
        let after = cpu(&server).await;
        let micros = |seconds: f64, lines: usize| seconds * 1e6 / as_f64(lines);
        println!(
            "{round:5} {bare:9.0} lines/s {rate:9.0} lines/s {:9.2} {:21.2} µs {:6.2} µs",
            rate / bare,
            micros(between - before, lines),
            micros(after - between, shipped),
        );
        theirs.push(bare);
        ours.push(rate);
        ratios.push(rate / bare);
    }
    let ratio = median(&mut ratios);
    let verdict = if ratio >= MIN_RATIO {
        "reached"
    } else {
        "missed"
    };
    println!(
        "\nmedian {:8.0} lines/s {:9.0} lines/s {ratio:9.2}   at least {MIN_RATIO}: {verdict}",
        median(&mut theirs),
        median(&mut ours),
    );
    println!(
        "largest resident memory of this process: {} MiB",
        peak_memory() / 1024
    );
}

/// The mean length of a stored line, and how often the recordings must be repeated for that many lines.
async fn measure(recorded: &[Recording], lines: usize) -> (usize, usize) {
    let store = Arc::new(log_store::MemoryStore::new());
    let job: JobId = "measured".parse().unwrap();
    let writer = LogWriter::builder(job.clone(), Arc::clone(&store))
        .redaction(redaction())
        .start()
        .unwrap();
    write_recordings(&writer, recorded, 1).await;
    writer.flush().await.unwrap();
    let all = log_domain::ReadLimit::lines(usize::MAX);
    let read = log_store::LogStore::read_after(&*store, &job, log_domain::EntryId::ZERO, all);
    let once = read.await.unwrap().lines;
    let bytes: usize = once
        .iter()
        .filter_map(|line| line.text.as_ref())
        .map(String::len)
        .sum();
    (bytes / once.len(), lines.div_ceil(once.len()))
}

/// The redaction of a typical worker: some registered secrets, and all patterns.
fn redaction() -> Redaction {
    let secrets = [
        "correct horse battery",
        "sk-live-0123456789abcdef",
        "p4ssw0rd-of-the-registry",
    ];
    let builder = secrets
        .into_iter()
        .fold(Redaction::builder(), |builder, secret| {
            builder.secret(secret).unwrap()
        });
    builder.build().unwrap()
}

/// Ships the recordings as one job. Returns the number of lines, and the lines per second.
async fn ship(
    server: &RedisServer,
    recorded: &[Recording],
    repeats: usize,
    round: usize,
) -> (usize, f64) {
    let store = Arc::new(RedisStore::new(RedisOptions::new(server.url())).unwrap());
    let job: JobId = format!("ship-{round}").parse().unwrap();
    create_job(&*store, &job, UserId::new("user_ann").unwrap())
        .await
        .unwrap();
    let writer = LogWriter::builder(job.clone(), Arc::clone(&store))
        .redaction(redaction())
        .start()
        .unwrap();
    writer.set_phase(Some("install"));
    writer.enter(JobStatus::STARTING, "Starting").await.unwrap();
    let started = Instant::now();
    write_recordings(&writer, recorded, repeats).await;
    writer.flush().await.unwrap();
    let took = started.elapsed().as_secs_f64();
    let stats = writer.stats();
    assert_eq!(stats.lost.lines, 0);
    let key = format!("job:{job}:logs");
    let added = info(server, &["XINFO", "STREAM", &key], "entries-added").await;
    assert_eq!(added, stats.appended);
    server.command(&["DEL", &key]).await;
    let lines = usize::try_from(stats.appended).unwrap();
    (lines, as_f64(lines) / took)
}

async fn write_recordings(writer: &LogWriter, recorded: &[Recording], repeats: usize) {
    let mut channels = [writer.stdout(), writer.stderr()];
    for _ in 0..repeats {
        for Chunk { source, bytes, .. } in recorded.iter().flat_map(|recording| &recording.chunks) {
            channels[usize::from(*source == Source::Stderr)]
                .write_all(bytes)
                .await
                .unwrap();
        }
        // Each build ends its last line.
        for channel in &mut channels {
            channel.write_all(b"\n").await.unwrap();
        }
    }
}

async fn redis_benchmark(server: &RedisServer, lines: usize, length: usize) -> f64 {
    let (port, lines) = (server.address().port().to_string(), lines.to_string());
    let text = "x".repeat(length);
    let mut command = Command::new("redis-benchmark");
    command
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-n",
            &lines,
            "-c",
            "1",
            "-P",
            PIPELINE,
            "--csv",
        ])
        .args(["XADD", "job:bench:logs", "MAXLEN", "~", "50000", "*"])
        .args([
            "ts",
            "2026-01-01T00:00:00.000Z",
            "source",
            "stdout",
            "text",
            &text,
            "phase",
            "install",
        ]);
    let output = command.stderr(Stdio::inherit()).output().await;
    let output = output.unwrap_or_else(|error| {
        panic!("redis-benchmark cannot be run ({error}); Debian: apt-get install redis-tools")
    });
    let csv = String::from_utf8(output.stdout).unwrap();
    // The name of the command contains commas.
    let mut fields = csv.lines().last().unwrap().split("\",\"");
    fields.nth(1).unwrap().parse().unwrap()
}

/// Seconds of CPU that the server has used.
async fn cpu(server: &RedisServer) -> f64 {
    let info = server.command(&["INFO", "cpu"]).await.text();
    let seconds = |name| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse::<f64>().unwrap()
    };
    seconds("used_cpu_sys:") + seconds("used_cpu_user:")
}

async fn info(server: &RedisServer, command: &[&str], name: &str) -> u64 {
    let fields = server.command(command).await.array();
    let pair = fields.chunks(2).find(|pair| pair[0].text() == name);
    u64::try_from(pair.unwrap()[1].int()).unwrap()
}

/// The peak resident memory in KiB, from `/proc`. 0 if there is no `/proc`.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
