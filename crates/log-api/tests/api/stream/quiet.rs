//! Streams on which nothing happens: heartbeats, and clients that leave.

use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use super::client::{SOON, follow, texts};
use crate::support::{Api, Job};

#[tokio::test]
async fn a_heartbeat_comes_after_each_second_of_silence() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    for _ in 0..2 {
        let since = Instant::now();
        let event = reader.expect(SOON).await;
        assert_eq!(
            (event.event.as_str(), event.data.as_str()),
            ("heartbeat", "{}")
        );
        // How late it may be, the hub's tests check on a paused clock.
        let silence = since.elapsed();
        assert!(silence >= Duration::from_millis(900), "{silence:?}");
    }
    assert!(!reader.raw().contains(&b'\r'));
}

#[tokio::test]
async fn a_client_that_closes_frees_its_viewer_and_its_socket() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_METRICS_BIND", "127.0.0.1:0")]).await;
    let job = Job::new(&redis).await;
    // So that the server has opened every connection that it keeps.
    drop(follow(&api, &job, "").await);
    let before = settled_sockets(&api).await;

    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(follow(&api, &job, "").await);
    }
    assert_eq!(api.metric("viewers").await, 20);
    assert!(api.sockets() >= before + 20);
    let last = idle.pop().unwrap();
    drop(idle);
    assert_freed(&api, 1, before + 1).await;
    drop(last);
    assert_freed(&api, 0, before).await;
}

#[tokio::test]
async fn a_client_that_closes_in_the_middle_of_a_replay_frees_its_viewer_and_its_socket() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_METRICS_BIND", "127.0.0.1:0")]).await;
    let job = Job::new(&redis).await;
    job.append_all((0..20_000).map(|n| format!("{n} {}", "x".repeat(200))))
        .await;
    drop(follow(&api, &job, "").await);
    let before = settled_sockets(&api).await;

    let mut stalled = Vec::new();
    for _ in 0..10 {
        let request = api.stream(&job, "?from=start").receive_buffer(4096);
        let mut reader = SseReader::open(request).await;
        texts(&mut reader, 3).await;
        stalled.push(reader);
    }
    assert_eq!(api.metric("viewers").await, 10);
    drop(stalled);
    assert_freed(&api, 0, before).await;
}

/// The number of the server's sockets once the connections that the test has closed are gone.
async fn settled_sockets(api: &Api) -> usize {
    let mut least = api.sockets();
    for _ in 0..10 {
        sleep(Duration::from_millis(30)).await;
        least = least.min(api.sockets());
    }
    least
}

async fn assert_freed(api: &Api, viewers: u64, sockets: usize) {
    let end = Instant::now() + SOON;
    loop {
        // In this order: asking for the metric takes a socket itself.
        let open = api.sockets();
        let watching = api.metric("viewers").await;
        if open <= sockets && watching == viewers {
            return;
        }
        assert!(
            Instant::now() < end,
            "{watching} viewers are left instead of {viewers}, and {open} sockets instead of {sockets}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
