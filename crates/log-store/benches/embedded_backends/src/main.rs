//! Compares fjall and redb on the write pattern of build logs: small batches, many jobs, old lines removed, pages read
//! from the newest end, and a process that is killed.
//!
//! Every batch is one atomic write of its lines, of its job's 64-byte record, and of the removal of the lines beyond
//! [`KEPT`]. Prints one markdown table a question. The first argument is the directory to write to (default: the
//! system's temporary one).

mod backends;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use backends::{Backend, Fjall, FjallSmall, FjallSynced, Redb};

/// Lines a job keeps.
const KEPT: u64 = 5_000;

/// How long appends are measured, for each combination.
const APPENDING: Duration = Duration::from_secs(4);

/// Lines a life appends before it is killed, in batches of 100, to 100 jobs.
const LINES_OF_A_LIFE: u64 = 200_000;

const LIVES: u64 = 10;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [life, backend, dir, number] = &arguments[..]
        && life == "life"
    {
        let (dir, number) = (Path::new(dir), number.parse().unwrap());
        match backend.as_str() {
            Fjall::NAME => live::<Fjall>(dir, number),
            FjallSmall::NAME => live::<FjallSmall>(dir, number),
            Redb::NAME => live::<Redb>(dir, number),
            other => panic!("no backend {other}"),
        }
        return;
    }
    let base = arguments
        .first()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    println!(
        "| backend | jobs | batch | lines/s | append µs p50 / p99 | newest page µs p50 / p99 | any page µs p50 / p99 |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|");
    append::<Fjall>(&base);
    append::<FjallSynced>(&base);
    append::<Redb>(&base);
    println!();
    println!("| backend | killed after (lines) | open ms | resident MB | disk MB |");
    println!("|---|--:|--:|--:|--:|");
    kill::<Fjall>(&base);
    kill::<FjallSmall>(&base);
    kill::<Redb>(&base);
}

fn append<B: Backend>(base: &Path) {
    for jobs in [1, 100] {
        for batch in [1, 10, 100] {
            append_one::<B>(base, jobs, batch);
        }
    }
}

fn append_one<B: Backend>(base: &Path, jobs: u32, batch: u64) {
    let dir = tempfile::tempdir_in(base).unwrap();
    let mut random = Random::new();
    let texts = texts(&mut random);
    let mut backend = B::open(dir.path());
    let mut next = vec![0_u64; jobs as usize];
    let mut latencies = Vec::new();
    let begun = Instant::now();
    for call in 0.. {
        let job = call % jobs;
        write(
            &mut backend,
            job,
            &mut next[job as usize],
            batch,
            &texts,
            &mut latencies,
        );
        if begun.elapsed() > APPENDING {
            break;
        }
    }
    let rate = next.iter().sum::<u64>() as f64 / begun.elapsed().as_secs_f64();
    let (mut newest, mut any) = (Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let job = (random.next() % u64::from(jobs)) as u32;
        let end = next[job as usize];
        let first = end.saturating_sub(KEPT);
        let before = first + 1 + random.next() % (end - first);
        for (bound, times) in [(end, &mut newest), (before, &mut any)] {
            let begun = Instant::now();
            assert!(backend.page(job, first..bound, 100) > 0);
            times.push(begun.elapsed());
        }
    }
    println!(
        "| {} | {jobs} | {batch} | {rate:.0} | {} | {} | {} |",
        B::NAME,
        percentiles(&mut latencies),
        percentiles(&mut newest),
        percentiles(&mut any),
    );
}

/// Appends one batch, and removes what is then beyond the limit.
fn write<B: Backend>(
    backend: &mut B,
    job: u32,
    next: &mut u64,
    batch: u64,
    texts: &[Vec<u8>],
    latencies: &mut Vec<Duration>,
) {
    let lines: Vec<_> = (*next..*next + batch)
        .map(|id| (id, texts[id as usize % texts.len()].as_slice()))
        .collect();
    let surplus = next.saturating_sub(KEPT)..(*next + batch).saturating_sub(KEPT);
    let begun = Instant::now();
    backend.append(job, &lines, surplus);
    latencies.push(begun.elapsed());
    *next += batch;
}

/// Kills a process that has appended, again and again, and looks how the next one opens.
fn kill<B: Backend>(base: &Path) {
    let dir = tempfile::tempdir_in(base).unwrap();
    for number in 0..=LIVES {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["life", B::NAME])
            .arg(dir.path())
            .arg(number.to_string())
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        assert!(!output.status.success(), "a life ends by a kill");
        let said = String::from_utf8(output.stdout).unwrap();
        if matches!(number, 1 | 5 | 10) {
            let lines = number * LINES_OF_A_LIFE;
            println!(
                "| {} | {lines} | {} | {} |",
                B::NAME,
                said.trim(),
                disk(dir.path()) >> 20
            );
        }
    }
}

/// One life: opens, says how long that took and what memory it needed, appends, and aborts.
fn live<B: Backend>(dir: &Path, number: u64) {
    let begun = Instant::now();
    let mut backend = B::open(dir);
    println!("{} | {}", begun.elapsed().as_millis(), resident_mb());
    let texts = texts(&mut Random::new());
    let of_a_job = LINES_OF_A_LIFE / 100;
    let mut next = vec![number * of_a_job; 100];
    for call in 0..LINES_OF_A_LIFE / 100 {
        let job = (call % 100) as u32;
        write(
            &mut backend,
            job,
            &mut next[job as usize],
            20,
            &texts,
            &mut Vec::new(),
        );
    }
    std::process::abort();
}

/// 10,000 lines of 80 to 200 bytes that look like a build's.
fn texts(random: &mut Random) -> Vec<Vec<u8>> {
    let text = |random: &mut Random| {
        let length = 80 + random.next() as usize % 121;
        let mut text = format!(
            "2026-01-02T03:04:05.678Z stdout install   Compiling crate-{:x} v1.{}.0 ",
            random.next(),
            random.next() % 100
        );
        while text.len() < length {
            text.push_str(&format!("{:x}", random.next() % 65_536));
        }
        text.truncate(length);
        text.into_bytes()
    };
    (0..10_000).map(|_| text(random)).collect()
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(88_172_645_463_325_252)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    format!("{} / {}", at(0.5), at(0.99))
}

/// Linux only; elsewhere unknown.
fn resident_mb() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kb = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    kb.and_then(|kb| kb.split_whitespace().next()?.parse::<u64>().ok())
        .map_or_else(|| "?".into(), |kb| (kb >> 10).to_string())
}

/// Bytes that are allocated on disk, which is less than the length of a sparse file.
fn disk(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let size = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            disk(&entry.path())
        } else {
            metadata.blocks() * 512
        }
    };
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| size(entry.unwrap()))
        .sum()
}
