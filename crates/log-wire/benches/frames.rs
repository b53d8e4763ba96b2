//! The cost of encoding: an event of the live stream, and a page of history.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use log_domain::{Batch, EntryId, Line, Page, PageLimit, PageRequest};
use log_wire::{page_json, sse};

fn line(seq: u64) -> Line {
    Line {
        id: EntryId::new(1_700_000_000_000, seq),
        ts: Some("2026-01-01T00:00:00.000Z".into()),
        source: Some("stdout".into()),
        text: Some(
            "   Compiling serde_json v1.0.150 (registry `crates-io`)  target/debug/deps …".into(),
        ),
        phase: Some("install".into()),
        open: false,
    }
}

fn frames(criterion: &mut Criterion) {
    let lines: Vec<_> = (0..100).map(line).collect();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(100));
    let mut out = Vec::with_capacity(64 * 1024);
    group.bench_function("100 log frames", |bencher| {
        bencher.iter(|| {
            out.clear();
            lines.iter().for_each(|line| sse::write_log(&mut out, line));
            out.len()
        });
    });
    let request = PageRequest {
        after: None,
        before: None,
        limit: PageLimit::DEFAULT,
    };
    let page = Page::new(
        &request,
        Batch {
            lines: lines.clone(),
            more: true,
        },
    );
    group.bench_function("page of 100 lines", |bencher| {
        bencher.iter(|| page_json(&page).len());
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
