//! The service while it searches.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use crate::show;
use crate::support::{ANN, Api, Job};

/// What a search of the whole log costs the service, and what somebody who follows another log notices of it.
pub(crate) async fn measure(api: &Api, redis: &Arc<RedisServer>, job: &Job) {
    let live = Job::new(redis).await;
    let calm = delays(api, &live).await;
    let before = resident(api);
    let path = format!("{}/search?q=no%20such%20text", job.path());
    let search = api.client(ANN).get(&path).send();
    let watching = tokio::sync::Notify::new();
    let start = Instant::now();
    let watch = async {
        let mut peak = before;
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tokio::select! {
                () = watching.notified() => return peak,
                _ = tick.tick() => peak = peak.max(resident(api)),
            }
        }
    };
    let run = async {
        let answer = search.await;
        watching.notify_one();
        (answer.status, start.elapsed())
    };
    let ((status, took), peak, busy) = tokio::join!(run, watch, delays(api, &live));
    assert_eq!(status, 200);
    show(
        "search by HTTP, nothing found",
        3000.0,
        "ms",
        took.as_secs_f64() * 1000.0,
    );
    show(
        "memory of the service for a search",
        16.0,
        "MiB",
        peak - before,
    );
    println!("{:48} {calm:10.1} ms", "delay of a live line, p99");
    show("the same while a search runs", 2.0 * calm, "ms", busy);
}

/// From the append of a line to its event, p99, in milliseconds.
async fn delays(api: &Api, job: &Job) -> f64 {
    let mut stream = SseReader::open(api.stream(job, "")).await;
    stream.expect(Duration::from_secs(10)).await;
    let mut times = Vec::new();
    for n in 0..300 {
        let start = Instant::now();
        job.append(&format!("live {n}")).await;
        stream.expect_event(Duration::from_secs(10)).await;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        sleep(Duration::from_millis(5)).await;
    }
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}

/// The memory of the service, in MiB.
fn resident(api: &Api) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", api.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB").trim();
    kib.parse::<f64>().unwrap() / 1024.0
}
