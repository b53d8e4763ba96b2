//! A Redis cluster that serves only some of its slots: what is healthy is served, and the service says so.

use std::time::Duration;

use serde_json::json;
use test_support::{ClusterNode, ClusterOptions, RedisCluster};
use tokio::time::{Instant, sleep};

use crate::errors::problem;
use crate::support::{ANN, Api};

/// Longer than a cluster needs to notice that two of its nodes are gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// A job of Ann's, with one line.
async fn write_job(cluster: &RedisCluster, id: &str) {
    let (hash, logs) = (format!("job:{id}"), format!("job:{id}:logs"));
    let fields = ["HSET", &hash, "user_id", ANN, "status", "code"];
    cluster.command(&hash, &fields).await;
    cluster
        .command(&logs, &["XADD", &logs, "*", "text", "x"])
        .await;
}

/// A master that does not have the revocations: without them nobody may read.
async fn victim(cluster: &RedisCluster) -> &ClusterNode {
    let revocations = cluster.master_of("log-api:{access}:revocations").await;
    let first = &cluster.nodes()[0];
    if first.address() == revocations.address() {
        return &cluster.nodes()[1];
    }
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_range_of_slots_makes_the_service_degraded_and_nothing_else_fail() {
    let options = ClusterOptions {
        serves_partly: true,
        ..ClusterOptions::default()
    };
    let cluster = RedisCluster::start_with(options).await;
    let settings = [
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
        ("LOG_API_JOB_KEY", "job:{{job_id}}"),
    ];
    let api = Api::start(&cluster.url(), &settings).await;
    let ready = || async { api.anonymous().get("/readyz").send().await };
    let begun = Instant::now();
    while ready().await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "{}", api.log());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(ready().await.json()["store"], "ok");
    assert_eq!(api.metric("store_slots_served").await, 16_384);
    let victim = victim(&cluster).await;
    let (mut healthy, mut lost) = (None, None);
    while healthy.is_none() || lost.is_none() {
        let id = format!("{:032x}", fastrand::u128(..));
        let key = format!("job:{{{id}}}");
        let is_lost = cluster.master_of(&key).await.address() == victim.address();
        write_job(&cluster, &format!("{{{id}}}")).await;
        if is_lost {
            lost = Some(id);
        } else {
            healthy = Some(id);
        }
    }
    let page = |id: &Option<String>| format!("/api/jobs/{}/logs", id.as_deref().unwrap());
    cluster.replica_of(victim).await.kill().await;
    victim.kill().await;
    let begun = Instant::now();
    let degraded = json!({"status": "ok", "store": "degraded", "keys": "ok"});
    loop {
        let now = ready().await;
        if (now.status, now.json()) == (200, degraded.clone()) {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{} {}", now.text(), api.log());
        sleep(Duration::from_millis(50)).await;
    }
    let served = api.metric("store_slots_served").await;
    assert!((10_000..12_000).contains(&served), "{served}");
    let answer = api.get(&page(&healthy)).await;
    assert_eq!(
        (answer.status, answer.json()["lines"][0]["text"].clone()),
        (200, json!("x"))
    );
    for query in ["", "/stream", "/stream?from=start"] {
        let answer = api.get(&format!("{}{query}", page(&lost))).await;
        problem(&answer, 503, "store-unavailable", query);
        assert!(answer.header("retry-after").is_some());
    }
    victim.start_again().await;
    let begun = Instant::now();
    while ready().await.json()["store"] != "ok" || api.get(&page(&lost)).await.status == 503 {
        assert!(begun.elapsed() < PATIENCE, "{}", api.log());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(api.metric("store_slots_served").await, 16_384);
}
