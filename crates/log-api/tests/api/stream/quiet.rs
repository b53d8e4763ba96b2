//! Streams on which nothing happens: heartbeats, and clients that leave.

use std::time::Duration;

use test_support::{RedisServer, SseReader};
use tokio::time::{Instant, sleep};

use super::client::{SOON, follow, numbered, texts};
use crate::support::{Api, Job};

#[tokio::test]
async fn a_heartbeat_comes_after_each_second_of_silence_counted_from_the_head() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    for _ in 0..3 {
        let since = Instant::now();
        let event = reader.expect(SOON).await;
        assert_eq!(
            (event.event.as_str(), event.data.as_str()),
            ("heartbeat", "{}")
        );
        let silence = since.elapsed();
        let range = Duration::from_millis(900)..Duration::from_millis(1500);
        assert!(range.contains(&silence), "{silence:?}");
    }
    assert!(!reader.raw().contains(&b'\r'));
}

#[tokio::test]
async fn silence_ends_after_20_seconds_by_default_well_before_a_proxy_cuts() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    let since = Instant::now();
    let event = reader.expect(Duration::from_secs(25)).await;
    assert_eq!(event.event, "heartbeat");
    assert!(
        since.elapsed() > Duration::from_secs(19),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn no_heartbeat_comes_while_lines_flow() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_HEARTBEAT_SECS", "1")]).await;
    let job = Job::new(&redis).await;
    let mut reader = follow(&api, &job, "").await;
    for n in numbered(0..30) {
        job.append(&n).await;
        let event = reader.expect(SOON).await;
        assert_eq!(event.event, "log", "after {n} lines");
        sleep(Duration::from_millis(80)).await;
    }
    assert_eq!(reader.expect(SOON).await.event, "heartbeat");
}

#[tokio::test]
async fn a_client_that_closes_is_gone_from_the_gauge_and_the_descriptors_within_a_second() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_METRICS_BIND", "127.0.0.1:0")]).await;
    let job = Job::new(&redis).await;
    // Makes every connection that the server keeps.
    drop(follow(&api, &job, "").await);
    let before = settled_sockets(&api).await;

    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(follow(&api, &job, "").await);
    }
    assert_eq!(api.metric("viewers").await, 20);
    assert!(api.sockets() >= before + 20);
    let stays = idle.pop().unwrap();
    drop(idle);
    assert_gone_within_a_second(&api, 1, before + 1).await;
    drop(stays);
    assert_gone_within_a_second(&api, 0, before).await;
}

#[tokio::test]
async fn a_client_that_closes_in_the_middle_of_a_replay_is_gone_within_a_second() {
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
    assert_gone_within_a_second(&api, 0, before).await;
}

/// The sockets of a server when the connections that tests have closed are gone.
async fn settled_sockets(api: &Api) -> usize {
    let mut least = api.sockets();
    for _ in 0..10 {
        sleep(Duration::from_millis(30)).await;
        least = least.min(api.sockets());
    }
    least
}

async fn assert_gone_within_a_second(api: &Api, viewers: u64, sockets: usize) {
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        // In this order: the question for the gauge takes a socket itself.
        let open = api.sockets();
        let watching = api.metric("viewers").await;
        if open <= sockets && watching == viewers {
            return;
        }
        assert!(
            Instant::now() < end,
            "after a second {watching} viewers are left of {viewers}, and {open} sockets of {sockets}"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
