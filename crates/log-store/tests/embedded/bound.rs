//! `max_bytes`: the file stays within its bound, whatever is written, and what is gone is told.

use std::path::Path;

use log_domain::{EntryId, JobId, ReadLimit};
use log_store::{EmbeddedOptions, EmbeddedStore, LogAppend, LogStore, NewLine};
use tempfile::TempDir;

const MIB: u64 = 1024 * 1024;

/// What the options say comes on top of the bound for a moment.
const SLACK: u64 = 32 * MIB;

const ALL: ReadLimit = ReadLimit::lines(1_000_000);

async fn open(dir: &TempDir, max_bytes: u64) -> EmbeddedStore {
    let options = EmbeddedOptions::default()
        .max_bytes(Some(max_bytes))
        .max_lines(1_000_000_000);
    EmbeddedStore::open(dir.path(), options).await.unwrap()
}

fn file(dir: &Path) -> u64 {
    std::fs::metadata(dir.join("log-store.redb")).unwrap().len()
}

/// Lines of the sizes of build logs, a few of them long. The text begins with the number.
fn lines(numbers: std::ops::Range<u64>) -> Vec<NewLine> {
    let line = |n: u64| {
        let size = if n.is_multiple_of(500) {
            20_000
        } else {
            n * 37 % 3_000
        };
        NewLine {
            text: Some(format!(
                "{n} {}",
                "x".repeat(usize::try_from(size).unwrap())
            )),
            ..NewLine::default()
        }
    };
    numbers.map(line).collect()
}

fn bytes(lines: &[NewLine]) -> u64 {
    lines
        .iter()
        .map(|line| line.text.as_ref().unwrap().len() as u64)
        .sum()
}

/// The numbers of a log's lines, and whether a gap before them is told.
async fn numbers(store: &EmbeddedStore, job: &JobId) -> (Vec<u64>, bool) {
    let tail = store.read_after(job, EntryId::ZERO, ALL).await.unwrap();
    let number = |text: &str| text.split(' ').next().unwrap().parse().unwrap();
    let numbers = tail
        .lines
        .iter()
        .map(|line| number(line.text.as_deref().unwrap()));
    assert_eq!(tail.bounds.length, tail.lines.len() as u64);
    (numbers.collect(), tail.gap(EntryId::ZERO).is_some())
}

async fn the_file_stays_within(max_bytes: u64, jobs: u64, batch: u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, max_bytes).await;
    let jobs: Vec<JobId> = (0..jobs)
        .map(|n| format!("job-{n}").parse().unwrap())
        .collect();
    let (mut written, mut next, mut largest) = (0, 0, 0);
    while written < 10 * max_bytes {
        for job in &jobs {
            let lines = lines(next..next + batch);
            written += bytes(&lines);
            store.append(job, &lines).await.unwrap();
            largest = largest.max(file(dir.path()));
        }
        next += batch;
    }
    assert!(largest <= max_bytes + SLACK, "{largest} of {max_bytes}");
    let mut kept = 0;
    for job in &jobs {
        let (numbers, has_gap) = numbers(&store, job).await;
        assert_eq!(
            numbers.last(),
            Some(&(next - 1)),
            "the newest line is there"
        );
        assert!(
            numbers.is_sorted_by(|a, b| a + 1 == *b),
            "only the oldest are gone"
        );
        assert!(numbers[0] > 0);
        assert!(has_gap, "the gap is told");
        kept += bytes(&lines(numbers[0]..next));
    }
    assert!(kept >= max_bytes / 8, "{kept} of {max_bytes}");
    store.close().await;
}

#[tokio::test]
async fn the_file_stays_within_its_bound_while_ten_times_as_much_is_written() {
    the_file_stays_within(6 * MIB, 1, 400).await;
    the_file_stays_within(6 * MIB, 12, 100).await;
}

/// What a line has beside its text: its id and its other fields.
const REST: usize = 64;

/// The largest size of the file, and its size at the end, over twenty times the bound in lines of one size.
async fn sizes_of_the_file(max_bytes: u64, size: usize) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, max_bytes).await;
    let job: JobId = "job".parse().unwrap();
    let batch = (100_000 / size).clamp(10, 2_000);
    let (mut written, mut largest, mut next) = (0, 0, 0);
    while written < 20 * max_bytes {
        let line = |n: usize| NewLine {
            text: Some(format!("{n:0size$}")),
            ..NewLine::default()
        };
        let lines: Vec<_> = (next..next + batch).map(line).collect();
        written += (batch * (size + REST)) as u64;
        store.append(&job, &lines).await.unwrap();
        largest = largest.max(file(dir.path()));
        next += batch;
    }
    let end = file(dir.path());
    let bounds = store.bounds(&job).await.unwrap();
    let kept = bounds.length * (size + REST) as u64;
    assert_eq!(bounds.entries_added, next as u64);
    assert!(kept >= max_bytes / 8, "{kept} of {max_bytes}");
    store.close().await;
    (largest, end)
}

/// Small transactions do not exceed the bound at all.
#[tokio::test]
async fn the_file_stays_below_its_bound_for_short_and_for_long_lines() {
    for size in [1, 80, 10_000] {
        let (largest, end) = sizes_of_the_file(2 * MIB, size).await;
        assert!(
            largest <= 2 * MIB && end <= 2 * MIB,
            "{size} B: {largest}, {end}"
        );
    }
}

#[tokio::test]
async fn logs_that_were_quiet_go_before_lines_of_those_that_are_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 8 * MIB).await;
    let [old, older, live] = ["old", "older", "live"].map(|job| job.parse::<JobId>().unwrap());
    for job in [&old, &older, &live] {
        store.append(job, &lines(0..200)).await.unwrap();
    }
    let hour = std::time::Duration::from_secs(3600);
    store.age_log(&old, hour).await;
    store.age_log(&older, 2 * hour).await;
    let mut next = 200;
    while store.bounds(&older).await.unwrap().length > 0 {
        store.append(&live, &lines(next..next + 50)).await.unwrap();
        next += 50;
    }
    assert_eq!(numbers(&store, &old).await.0.len(), 200);
    assert_eq!(numbers(&store, &live).await.0.len() as u64, next);
    while store.bounds(&old).await.unwrap().length > 0 {
        store.append(&live, &lines(next..next + 50)).await.unwrap();
        next += 50;
    }
    assert_eq!(numbers(&store, &live).await.0.len() as u64, next);
}

/// The count of a file that an older version has made is made once.
#[tokio::test]
async fn the_bound_holds_for_what_was_there_before() {
    let dir = tempfile::tempdir().unwrap();
    let job: JobId = "job".parse().unwrap();
    let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default())
        .await
        .unwrap();
    store.append(&job, &lines(0..5_000)).await.unwrap();
    store.forget_line_bytes().await;
    store.close().await;
    let store = open(&dir, 8 * MIB).await;
    store.append(&job, &lines(5_000..5_001)).await.unwrap();
    let (numbers, has_gap) = numbers(&store, &job).await;
    assert!(numbers[0] > 0 && has_gap);
    assert!(bytes(&lines(numbers[0]..5_001)) <= 2 * MIB);
}
