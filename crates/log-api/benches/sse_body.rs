//! Our body of shared frames against the `Sse` type of actix-web-lab: 100 lines to N viewers, to the last byte.
//!
//! Ours includes the hub: the store is read and the lines are encoded once. Theirs gets its lines for nothing and encodes them
//! for every viewer, because an event there has no raw form. See `docs/adr/0004-sse-body.md`.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::Responder as _;
use actix_web::body::MessageBody;
use actix_web::test::TestRequest;
use actix_web_lab::sse::{Data, Event, Sse};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::stream;
use log_api::SseBody;
use log_domain::{EntryId, JobId, Line, Start};
use log_hub::{Hub, HubOptions};
use log_store::{LogAppend as _, MemoryStore, NewLine};
use log_wire::line_json;

const LINES: usize = 100;

fn text(n: usize) -> String {
    format!("line {n:>6} of a build log, about as long as the lines of real builds are")
}

async fn drain(mut body: Pin<&mut (impl MessageBody + ?Sized)>, upto: usize) -> usize {
    let mut bytes = 0;
    while bytes < upto {
        let chunk = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
        let Some(Ok(chunk)) = chunk else { break };
        bytes += chunk.len();
    }
    bytes
}

fn ours(criterion: &mut Criterion, viewers: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let store = Arc::new(MemoryStore::new());
    let job: JobId = "bench".parse().unwrap();
    let _inside = runtime.enter();
    let hub = Hub::new(store.clone(), store.clone(), HubOptions::default()).unwrap();
    let mut bodies: Vec<Pin<Box<SseBody>>> = runtime.block_on(async {
        let mut bodies = Vec::new();
        for _ in 0..viewers {
            let viewer = hub.open(&job, Start::Live).await.unwrap();
            let viewer = viewer.into_viewer().unwrap();
            bodies.push(Box::pin(SseBody::new(viewer)));
        }
        bodies
    });
    let lines: Vec<_> = (0..LINES)
        .map(|n| NewLine {
            text: Some(text(n)),
            ..NewLine::default()
        })
        .collect();
    let mut group = criterion.benchmark_group("100 lines");
    group
        .throughput(Throughput::Elements((viewers * LINES) as u64))
        .sample_size(10);
    group.bench_function(BenchmarkId::new("shared frames", viewers), |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let ids = store.append(&job, &lines).await.unwrap();
                let upto: usize = ids
                    .iter()
                    .zip(&lines)
                    .map(|(id, line)| frame_len(*id, line))
                    .sum();
                for body in &mut bodies {
                    black_box(drain(body.as_mut(), upto).await);
                }
            });
        });
    });
    group.finish();
}

fn frame_len(id: EntryId, line: &NewLine) -> usize {
    let mut frame = Vec::new();
    log_wire::sse::write_log(&mut frame, &stored(id, line));
    frame.len()
}

fn stored(id: EntryId, line: &NewLine) -> Line {
    Line {
        id,
        ts: None,
        source: None,
        text: line.text.clone(),
        phase: None,
        open: false,
    }
}

fn theirs(criterion: &mut Criterion, viewers: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let events: Vec<(String, String)> = (0..LINES)
        .map(|n| {
            let id = EntryId::new(1_700_000_000_000, n as u64);
            let line = stored(
                id,
                &NewLine {
                    text: Some(text(n)),
                    ..NewLine::default()
                },
            );
            (id.to_string(), String::from_utf8(line_json(&line)).unwrap())
        })
        .collect();
    let mut group = criterion.benchmark_group("100 lines");
    group
        .throughput(Throughput::Elements((viewers * LINES) as u64))
        .sample_size(10);
    group.bench_function(BenchmarkId::new("actix-web-lab Sse", viewers), |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                for _ in 0..viewers {
                    let events = events.clone().into_iter().map(|(id, json)| {
                        Ok::<_, Infallible>(Event::Data(Data::new(json).event("log").id(id)))
                    });
                    let request = TestRequest::get().to_http_request();
                    let answer = Sse::from_stream(stream::iter(events)).respond_to(&request);
                    let mut body = Box::pin(answer.into_body());
                    black_box(drain(body.as_mut(), usize::MAX).await);
                }
            });
        });
    });
    group.finish();
}

fn sse_bodies(criterion: &mut Criterion) {
    for viewers in [1, 100, 1_000] {
        ours(criterion, viewers);
        theirs(criterion, viewers);
    }
}

criterion_group!(benches, sse_bodies);
criterion_main!(benches);
