//! Prometheus metrics, which only their own listener serves.

use std::time::Duration;

use test_support::{HttpClient, RedisServer, SseReader, TcpProxy};
use tokio::time::{Instant, sleep};

use crate::errors::problem;
use crate::key_set::KeySetServer;
use crate::support::{ANN, Api, Job};

const METRICS: (&str, &str) = ("LOG_API_METRICS_BIND", "127.0.0.1:0");

async fn scrape(api: &Api) -> String {
    let client = HttpClient::new(api.metrics.unwrap());
    let answer = client.get("/metrics").send().await;
    assert_eq!(answer.status, 200);
    answer.text().to_owned()
}

/// The value of a metric without labels.
async fn value(api: &Api, name: &str) -> f64 {
    let text = scrape(api).await;
    let sample = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    sample
        .unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .parse()
        .unwrap()
}

async fn becomes(api: &Api, name: &str, expected: f64, within: Duration) {
    let start = Instant::now();
    loop {
        let found = value(api, name).await;
        if found == expected {
            return;
        }
        assert!(
            start.elapsed() < within,
            "{name} is {found}, not {expected}"
        );
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn metrics_are_served_on_their_own_address_only() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[METRICS]).await;
    for client in [api.anonymous(), api.client(ANN)] {
        problem(
            &client.get("/metrics").send().await,
            404,
            "route-not-found",
            "the public port",
        );
    }
    let there = HttpClient::new(api.metrics.unwrap());
    let answer = there.get("/metrics").send().await;
    let kind = answer.header("content-type").unwrap();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    assert!(answer.text().ends_with("# EOF\n"), "{}", answer.text());
    let job = Job::new(&redis).await;
    for target in ["/", "/healthz", &job.path()] {
        assert_eq!(there.get(target).send().await.status, 404, "{target}");
    }
}

#[tokio::test]
async fn each_metric_has_a_type_a_help_text_and_a_value() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[METRICS]).await;
    let text = scrape(&api).await;
    for (name, kind) in [
        ("log_api_viewers", "gauge"),
        ("log_api_feeds", "gauge"),
        ("log_api_lines", "counter"),
        ("log_api_gaps", "counter"),
        ("log_api_catch_up_reads", "counter"),
        ("log_api_failed_reads", "counter"),
        ("log_api_streams_withdrawn", "counter"),
        ("log_api_streams_reauthenticated", "counter"),
        ("log_api_streams_refused", "counter"),
        ("log_api_connections", "gauge"),
        ("log_api_connections_refused", "counter"),
        ("log_api_store_connected", "gauge"),
        ("log_api_store_watched", "gauge"),
        ("log_api_store_resyncs", "counter"),
        ("log_api_key_set_age_seconds", "gauge"),
        ("log_api_key_set_ready", "gauge"),
        ("log_api_key_set_refreshes", "counter"),
        ("log_api_key_set_failed_refreshes", "counter"),
    ] {
        assert!(
            text.contains(&format!("# TYPE {name} {kind}\n")),
            "{name}: {text}"
        );
        assert!(text.contains(&format!("# HELP {name} ")), "{name}: {text}");
        let sample = if kind == "counter" {
            format!("\n{name}_total ")
        } else {
            format!("\n{name} ")
        };
        assert!(text.contains(&sample), "{name}: {text}");
    }
}

#[tokio::test]
async fn viewers_feeds_lines_and_gaps_are_counted() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[METRICS]).await;
    let (one, two) = (Job::new(&redis).await, Job::new(&redis).await);
    let soon = Duration::from_secs(5);
    assert_eq!(value(&api, "log_api_viewers").await, 0.0);

    let mut readers = Vec::new();
    for job in [&one, &one, &two] {
        readers.push(SseReader::open(api.stream(job, "")).await);
    }
    becomes(&api, "log_api_viewers", 3.0, soon).await;
    becomes(&api, "log_api_feeds", 2.0, soon).await;
    one.append_all(["a", "b", "c"]).await;
    two.append("d").await;
    for reader in &mut readers {
        reader.expect_event(soon).await;
    }
    // Each line counts once, however many viewers there are.
    becomes(&api, "log_api_lines_total", 4.0, soon).await;
    assert_eq!(value(&api, "log_api_gaps_total").await, 0.0);

    let trimmed = Job::new(&redis).await;
    trimmed.append_all(["e", "f"]).await;
    let key = trimmed.logs_key();
    trimmed.command(&["XTRIM", &key, "MAXLEN", "1"]).await;
    let mut late = SseReader::open(api.stream(&trimmed, "?after_id=1-0")).await;
    let gap = late.expect_event(soon).await;
    assert!(matches!(gap, log_wire::sse::Event::Gap { .. }), "{gap:?}");
    becomes(&api, "log_api_gaps_total", 1.0, soon).await;
    becomes(&api, "log_api_viewers", 4.0, soon).await;

    drop((readers, late));
    becomes(&api, "log_api_viewers", 0.0, soon).await;
}

#[tokio::test]
async fn store_connected_follows_redis() {
    let redis = RedisServer::shared().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let api = Api::start(&format!("redis://{}", proxy.address()), &[METRICS]).await;
    let soon = Duration::from_secs(5);
    becomes(&api, "log_api_store_connected", 1.0, soon).await;
    proxy.refuse().await;
    becomes(&api, "log_api_store_connected", 0.0, soon).await;
    proxy.mend().await;
    becomes(&api, "log_api_store_connected", 1.0, soon).await;
}

#[tokio::test]
async fn the_age_of_the_key_set_is_shown_if_there_is_a_key_set() {
    let redis = RedisServer::shared().await;
    let fixed = Api::start(&redis.url(), &[METRICS]).await;
    assert!(
        value(&fixed, "log_api_key_set_age_seconds").await.is_nan(),
        "a PEM is never fetched"
    );
    assert_eq!(value(&fixed, "log_api_key_set_ready").await, 1.0);

    let keys = KeySetServer::start().await;
    keys.network.refuse().await;
    let start = Instant::now();
    let api = keys.api(&redis.url(), &[METRICS]).await;
    becomes(
        &api,
        "log_api_key_set_failed_refreshes_total",
        1.0,
        Duration::from_secs(5),
    )
    .await;
    assert_eq!(value(&api, "log_api_key_set_ready").await, 0.0);
    assert!(value(&api, "log_api_key_set_age_seconds").await.is_nan());
    keys.network.mend().await;
    becomes(&api, "log_api_key_set_ready", 1.0, Duration::from_secs(10)).await;
    assert_eq!(value(&api, "log_api_key_set_refreshes_total").await, 1.0);
    let young = value(&api, "log_api_key_set_age_seconds").await;
    sleep(Duration::from_millis(300)).await;
    let older = value(&api, "log_api_key_set_age_seconds").await;
    assert!(
        older >= young + 0.3 && older <= start.elapsed().as_secs_f64(),
        "{young} to {older}"
    );
}

#[tokio::test]
async fn metrics_can_be_scraped_while_the_service_drains() {
    let redis = RedisServer::shared().await;
    let mut api = Api::start(&redis.url(), &[METRICS, ("LOG_API_DRAIN_DELAY_SECS", "1")]).await;
    api.terminate();
    api.log_with("draining").await;
    assert_eq!(value(&api, "log_api_viewers").await, 0.0);
    assert_eq!(api.ended(Duration::from_secs(10)).await.code(), Some(0));
}
