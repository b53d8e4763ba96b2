//! The embedded store: appends of one producer and of many, and page reads.
//!
//! ```text
//! cargo bench -p log-store --bench embedded
//! ```
//!
//! Appends are bound by the disk: each waits for a sync, which many producers share.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails is over")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use log_domain::{EntryId, JobId, Order, ReadLimit, Span};
use log_store::{EmbeddedOptions, EmbeddedStore, LogAppend, LogStore, NewLine};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Producers that append at once, each to a job of its own.
const PRODUCERS: u64 = 32;

/// Lines of the log that pages are read from: what a log keeps.
const RETAINED: usize = 50_000;

criterion_group!(benches, append, read_pages);
criterion_main!(benches);

fn open(runtime: &Runtime) -> (EmbeddedStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let open = EmbeddedStore::open(dir.path(), EmbeddedOptions::default());
    (runtime.block_on(open).unwrap(), dir)
}

/// Lines of 80 to 200 bytes, all fields together.
fn lines(count: usize) -> Vec<NewLine> {
    let line = |n: usize| NewLine {
        ts: Some("2026-01-02T03:04:05.678Z".into()),
        source: Some("stdout".into()),
        text: Some(format!("{n:>9} {}", "x".repeat(33 + n * 37 % 121))),
        phase: Some("install".to_owned()),
        open: false,
    };
    (0..count).map(line).collect()
}

fn job(n: u64) -> JobId {
    format!("job-{n}").parse().unwrap()
}

fn append(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (store, _dir) = open(&runtime);
    let mut group = criterion.benchmark_group("append");
    group.sample_size(20);
    for size in [1, 10, 100] {
        let batch = lines(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("one producer, {size} lines a call"), |bencher| {
            bencher.iter(|| runtime.block_on(store.append(&job(0), &batch)).unwrap());
        });
        group.throughput(Throughput::Elements(size as u64 * PRODUCERS));
        group.bench_function(
            format!("{PRODUCERS} producers, {size} lines a call"),
            |bencher| {
                let batches = || vec![batch.clone(); usize::try_from(PRODUCERS).unwrap()];
                let append = |batches| runtime.block_on(append_at_once(&store, batches));
                bencher.iter_batched(batches, append, BatchSize::SmallInput);
            },
        );
    }
    group.finish();
}

async fn append_at_once(store: &EmbeddedStore, batches: Vec<Vec<NewLine>>) {
    let appends = (1..).zip(batches).map(|(n, batch)| {
        let store = store.clone();
        tokio::spawn(async move { store.append(&job(n), &batch).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
}

fn read_pages(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (store, _dir) = open(&runtime);
    let job = job(0);
    let mut ids = Vec::new();
    for batch in lines(RETAINED).chunks(1_000) {
        ids.extend(runtime.block_on(store.append(&job, batch)).unwrap());
    }
    let mut group = criterion.benchmark_group("read");
    let page = ReadLimit::lines(100);
    let before = |n: usize| Span {
        after: None,
        before: Some(ids[n]),
    };
    for (name, span) in [
        ("the newest 100 lines", Span::default()),
        ("100 lines from the middle", before(RETAINED / 2)),
        ("the oldest 100 lines", before(100)),
    ] {
        group.bench_function(name, |bencher| {
            let read = || store.read(&job, span, Order::NewestFirst, page);
            bencher.iter(|| runtime.block_on(read()).unwrap());
        });
    }
    group.bench_function("on, at the end: one new line", |bencher| {
        let last_but_one: EntryId = ids[RETAINED - 2];
        let read = || store.read_after(&job, last_but_one, page);
        bencher.iter(|| runtime.block_on(read()).unwrap());
    });
    group.finish();
}
