//! A page of 100 lines from a real Redis, against Redis's own answer to the same command on one connection.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use criterion::{Criterion, criterion_group, criterion_main};
use log_domain::{JobId, PageLimit, PageRequest};
use log_store::redis::{RedisOptions, RedisStore};
use log_store::{LogAppend as _, LogStore as _, NewLine};
use test_support::RedisServer;

const LINES: usize = 10_000;

fn line(n: usize) -> NewLine {
    NewLine {
        ts: Some("2026-01-01T00:00:00.000Z".into()),
        source: Some("stdout".into()),
        text: Some(format!(
            "line {n:>6} of a build log, about as long as the lines of real builds are"
        )),
        phase: Some("install".into()),
        open: false,
    }
}

fn pages(criterion: &mut Criterion) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_all().build().unwrap();
    let job: JobId = "bench".parse().unwrap();
    let (server, store) = runtime.block_on(async {
        let server = RedisServer::start().await;
        let store = RedisStore::new(RedisOptions::new(server.url())).unwrap();
        let lines: Vec<_> = (0..LINES).map(line).collect();
        for batch in lines.chunks(500) {
            store.append(&job, batch).await.unwrap();
        }
        (server, store)
    });
    let request = PageRequest {
        after: None,
        before: None,
        limit: PageLimit::DEFAULT,
    };
    let (span, order, limit) = request.read();
    let mut group = criterion.benchmark_group("page of 100 lines");
    group.sample_size(20);
    group.bench_function("store", |bencher| {
        let read = || {
            runtime
                .block_on(store.read(&job, span, order, limit))
                .unwrap()
        };
        bencher.iter(|| assert_eq!(read().lines.len(), 100));
    });
    let mut bare = runtime.block_on(server.client());
    let command = ["XREVRANGE", "job:bench:logs", "+", "-", "COUNT", "101"];
    group.bench_function("bare XREVRANGE", |bencher| {
        bencher.iter(|| runtime.block_on(bare.command(&command)));
    });
    group.finish();
    // Its container is removed before the runtime that removes it ends.
    runtime.block_on(async move { drop(server) });
}

criterion_group!(benches, pages);
criterion_main!(benches);
