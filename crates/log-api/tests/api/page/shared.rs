//! One page that many clients request at the same time.

use std::sync::Arc;

use futures_util::future::join_all;
use test_support::RedisServer;

use super::column;
use crate::support::{ANN, Api, Job};

#[tokio::test]
async fn requests_for_a_page_at_the_same_time_share_a_read_and_not_a_permission() {
    let redis = Arc::new(RedisServer::start().await);
    let api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append("the only line").await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    // So that all requests arrive before the first one is answered.
    redis.command(&["CLIENT", "PAUSE", "1000", "ALL"]).await;
    let ask = |user| {
        let (client, path) = (api.client(user), job.path());
        async move { client.get(&path).send().await }
    };
    let answers = join_all((0..40).map(|n| ask([ANN, "user_bob"][n % 2]))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, [200, 404][n % 2], "{}", answer.text());
    }
    for answer in answers.iter().step_by(2) {
        assert_eq!(column(&answer.json(), "text"), ["the only line"]);
    }
    let stats = redis.command(&["INFO", "commandstats"]).await.text();
    for command in ["hmget", "xrevrange"] {
        let calls = stats.split_once(&format!("cmdstat_{command}:calls="));
        let calls = calls.and_then(|(_, rest)| rest.split(',').next()?.parse::<u32>().ok());
        // Two for all requests if they arrive together. Each late one may add one.
        assert!((1..=10).contains(&calls.unwrap()), "{command}: {calls:?}");
    }
}
