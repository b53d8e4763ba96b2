//! What viewers cost Redis.

use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use super::client::{follow, numbered, texts};
use crate::support::{Api, Job};

/// What the opening of a stream asks: the job and the bounds of its log. Each is a command with `MULTI`, `PING` and `EXEC`
/// around it, so that its answer is certainly its own; Redis counts them all.
const OPENING: u64 = 2 * 4;

/// What is asked in this time whatever the number of viewers: by the slow sweep once in half a minute (the job, the lines and
/// the bounds), and by the read that blocks for a log's lines each time that it ends without any (itself, and the bounds).
fn unasked(time: Duration) -> u64 {
    let blocks = time.as_millis().div_ceil(500);
    3 + 2 * u64::try_from(blocks).unwrap()
}

#[tokio::test]
async fn four_hundred_viewers_add_no_connection_and_no_command_beyond_their_opening() {
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::start(&redis.url(), &[("LOG_API_METRICS_BIND", "127.0.0.1:0")]).await;
    let job = Job::new(&redis).await;
    let mut viewers = vec![follow(&api, &job, "").await];
    job.append("first").await;
    texts(&mut viewers[0], 1).await;
    let connections = connections(&redis).await;

    let (forty, took) = cost_of(&redis, open(&api, &job, &mut viewers, 40)).await;
    assert!(
        forty <= 40 * OPENING + unasked(took),
        "{forty} commands to open 40 viewers"
    );
    let (four_hundred, took) = cost_of(&redis, open(&api, &job, &mut viewers, 359)).await;
    assert_eq!(viewers.len(), 400);
    assert_eq!(api.metric("viewers").await, 400);
    assert!(
        four_hundred <= 359 * OPENING + unasked(took),
        "{four_hundred} commands to open 359 viewers"
    );

    let lines = 60;
    let reading = cost_of(&redis, async {
        for n in 0..lines {
            job.append(&n.to_string()).await;
        }
        for viewer in &mut viewers {
            assert_eq!(texts(viewer, lines).await, numbered(0..lines));
        }
    });
    // The lines and the bounds, once each time that something new is noticed.
    let (reading, took) = reading.await;
    assert!(
        reading <= 2 * (lines as u64 + 1) + unasked(took),
        "{reading} commands for {lines} lines"
    );
    assert_eq!(api.metric("catch_up_reads_total").await, 0);
    assert_eq!(self::connections(&redis).await, connections);
}

async fn open(api: &Api, job: &Job, viewers: &mut Vec<SseReader>, count: usize) {
    for _ in 0..count {
        viewers.push(follow(api, job, "").await);
    }
}

/// How many commands Redis runs meanwhile that are not the test's own, nor the server's sign of life, and how long it takes.
async fn cost_of(redis: &RedisServer, work: impl Future<Output = ()>) -> (u64, Duration) {
    const NOT_COUNTED: [&str; 7] = [
        "echo",
        "xadd",
        "expire",
        "info",
        "client|list",
        "config|resetstat",
        "config",
    ];
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    let start = Instant::now();
    work.await;
    let took = start.elapsed();
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    let calls = stats.lines().filter_map(|line| {
        let (name, numbers) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = numbers.split(',').next()?.parse::<u64>().ok()?;
        (!NOT_COUNTED.contains(&name)).then_some(calls)
    });
    (calls.sum(), took)
}

/// How many clients Redis has, ours apart. Those that we have closed may be there a moment longer.
async fn connections(redis: &RedisServer) -> usize {
    let mut least = usize::MAX;
    for _ in 0..20 {
        let list = redis.command(&["CLIENT", "LIST"]).await.text();
        least = least.min(list.lines().count() - 1);
        sleep(Duration::from_millis(10)).await;
    }
    least
}
