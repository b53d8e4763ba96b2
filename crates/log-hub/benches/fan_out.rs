//! What a line costs for each viewer: one feed and N viewers, each polled by hand until it has everything.
//!
//! An iteration appends a burst of lines, lets the feed read it, and lets every viewer take it. The throughput counts
//! **delivered** lines (lines times viewers), so its inverse is the time that one delivered line takes, everything included.
//!
//! ```text
//! cargo bench -p log-hub --bench fan_out
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that fails says so by a panic"
)]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use log_domain::{JobId, Start, UserId};
use log_hub::{Hub, HubOptions, Next, Viewer};
use log_store::{JobWrites, LogAppend, MemoryStore, NewJob, NewLine};
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// A line of a build.
const TEXT: &str =
    "   Compiling serde_json v1.0.154 (registry+https://github.com/rust-lang/crates.io-index)";

/// How many lines arrive at a time.
const BURSTS: [usize; 2] = [1, 100];

struct Bench {
    store: Arc<MemoryStore>,
    job: JobId,
    viewers: Vec<Viewer>,
}

impl Bench {
    async fn new(viewers: usize) -> Self {
        let store = Arc::new(MemoryStore::new());
        let hub = Hub::new(store.clone(), store.clone(), HubOptions::default()).unwrap();
        let job: JobId = "build-1".parse().unwrap();
        let new = NewJob::new(UserId::new("user_1").unwrap(), SystemTime::now());
        store.create(&job, &new).await.unwrap();
        let mut opened = Vec::new();
        for _ in 0..viewers {
            let viewer = hub.open(&job, Start::Live).await.unwrap();
            opened.push(viewer.into_viewer().unwrap());
        }
        let viewers = opened;
        Self {
            store,
            job,
            viewers,
        }
    }

    /// Appends a burst and delivers it to every viewer. Returns how many bytes that were.
    async fn deliver(&mut self, burst: &[NewLine]) -> usize {
        let last = *self
            .store
            .append(&self.job, burst)
            .await
            .unwrap()
            .last()
            .unwrap();
        // The first one waits for the feed.
        let mut bytes = 0;
        while self.viewers[0].position() < last {
            bytes += size(&self.viewers[0].next().await);
        }
        let mut cx = Context::from_waker(Waker::noop());
        for viewer in &mut self.viewers[1..] {
            while viewer.position() < last {
                let Poll::Ready(next) = viewer.poll_next(&mut cx) else {
                    unreachable!("the feed has the lines")
                };
                bytes += size(&next);
            }
        }
        bytes
    }
}

fn size(next: &Next) -> usize {
    match next {
        Next::Frames(bytes) | Next::Done(bytes) | Next::BrokenOff(bytes) => bytes.len(),
    }
}

fn fan_out(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    for burst in BURSTS {
        let mut group = c.benchmark_group(format!("fan_out/burst_of_{burst}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        for viewers in [1, 100, 1_000] {
            group.throughput(Throughput::Elements((viewers * burst) as u64));
            group.bench_with_input(
                BenchmarkId::new("viewers", viewers),
                &viewers,
                |b, &viewers| {
                    b.iter_custom(|iterations| measure(&runtime, viewers, burst, iterations));
                },
            );
        }
        group.finish();
    }
}

fn measure(runtime: &Runtime, viewers: usize, burst: usize, iterations: u64) -> Duration {
    let line = NewLine {
        source: Some("stdout".into()),
        text: Some(TEXT.into()),
        ..NewLine::default()
    };
    let burst = vec![line; burst];
    runtime.block_on(async {
        let mut bench = Bench::new(viewers).await;
        bench.deliver(&burst).await;
        let begin = Instant::now();
        for _ in 0..iterations {
            std::hint::black_box(bench.deliver(&burst).await);
        }
        begin.elapsed()
    })
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
