//! Health, under both names of each probe: without a token and without details.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use test_support::{RedisServer, TcpProxy};
use tokio::time::{Instant, sleep};

use crate::outage::break_network;
use crate::support::{Api, shared};

const ALIVE: [&str; 2] = ["/healthz", "/api/health"];
const READY: [&str; 2] = ["/readyz", "/api/ready"];

#[tokio::test]
async fn both_probes_answer_get_and_head_under_both_names_without_a_token() {
    let (_redis, api) = shared().await;
    let alive = json!({"status": "ok"});
    let ready = json!({"status": "ok", "store": "ok", "keys": "ok"});
    for (names, expected) in [(ALIVE, alive), (READY, ready)] {
        for name in names {
            let answer = api.anonymous().get(name).send().await;
            assert_eq!(
                (answer.status, answer.json()),
                (200, expected.clone()),
                "{name}"
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let head = api.anonymous().request("HEAD", name).send().await;
            assert_eq!((head.status, head.body.len()), (200, 0), "{name}");
            assert_eq!(
                head.header("content-length"),
                answer.header("content-length"),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_probe_ignores_credentials() {
    let (_redis, api) = shared().await;
    for name in ALIVE.into_iter().chain(READY) {
        let client = api
            .anonymous()
            .with_header("Authorization", "x")
            .with_bearer("y");
        assert_eq!(
            client.get(&format!("{name}?verbose=1")).send().await.status,
            200,
            "{name}"
        );
        let old = api
            .anonymous()
            .get(name)
            .header("Host", "10.0.0.1")
            .header("User-Agent", "ELB-HealthChecker/2.0");
        assert_eq!(old.send().await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn readiness_follows_redis_and_gives_no_details() {
    let redis = RedisServer::shared().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let api = Api::start(&format!("redis://{}", proxy.address()), &[]).await;
    assert_eq!(api.anonymous().get("/readyz").send().await.status, 200);
    let down = json!({"status": "unavailable", "store": "unavailable", "keys": "ok"});

    for outage in ["refused", "silent"] {
        break_network(&proxy, outage).await;
        // An answer of the store counts for half a second.
        sleep(Duration::from_millis(500)).await;
        let answers = READY
            .into_iter()
            .flat_map(|name| [("GET", name), ("HEAD", name)]);
        let answers = answers.map(|(method, name)| api.anonymous().request(method, name).send());
        let asked = Instant::now();
        for (index, answer) in join_all(answers).await.into_iter().enumerate() {
            assert_eq!(answer.status, 503, "{outage}");
            if index % 2 == 0 {
                assert_eq!(answer.json(), down, "{outage}");
            } else {
                assert_eq!(answer.body, b"", "{outage}");
            }
        }
        assert!(
            asked.elapsed() < Duration::from_secs(5),
            "{outage}: {:?}",
            asked.elapsed()
        );
        for name in ALIVE {
            let alive = api.anonymous().get(name).send().await;
            assert_eq!(alive.status, 200, "{outage}: the process is alive");
        }
        proxy.mend().await;
        let mended = Instant::now();
        while api.anonymous().get("/api/ready").send().await.status != 200 {
            assert!(mended.elapsed() < Duration::from_secs(5), "{outage}");
            sleep(Duration::from_millis(20)).await;
        }
    }
}
