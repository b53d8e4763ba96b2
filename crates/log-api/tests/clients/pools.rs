//! Proxies keep connections to the service and send further requests on them: also on those that a stream has used.

use std::time::Duration;

use test_support::{HttpClient, RedisServer};
use tokio::time::timeout;

use crate::programs::long_token;
use crate::proxy::{Extras, Kind, Proxy};
use crate::support::{Api, Job};

#[tokio::test]
async fn pages_and_posts_between_streams_all_succeed_through_every_pool() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let ended = Job::new(&redis).await;
    ended.append_all(["1", "2", "3"]).await;
    ended.set_status("ready").await;
    for kind in [
        Kind::NginxKept,
        Kind::Haproxy,
        Kind::HaproxyChecked,
        Kind::Caddy,
        Kind::Apache,
    ] {
        let proxy = Proxy::start(kind, &[api.addr], Extras::default()).await;
        let client = HttpClient::new(proxy.addr).with_bearer(&long_token());
        let requests = (0..150).map(|n| {
            let (client, path) = (client.clone(), ended.path());
            async move {
                // Each round reads a stream to its end, so that the connections of streams are those of the pool.
                let stream = client.get(&format!("{path}/stream?from=start"));
                let page = client.get(&path);
                let post = client.request("POST", &format!("{path}/ticket")).body("{}");
                let mut seen = Vec::new();
                for request in [stream, page, post] {
                    let answer = timeout(Duration::from_secs(60), request.send()).await;
                    seen.push(answer.expect("an answer in time").status);
                }
                assert_eq!(seen, [200; 3], "{kind:?}, round {n}");
            }
        });
        // Ten at a time.
        let mut requests: Vec<_> = requests.collect();
        while !requests.is_empty() {
            let some = requests.split_off(requests.len().saturating_sub(10));
            futures_util::future::join_all(some).await;
        }
    }
}
