//! Random histories over HTTP: the log holds what was sent, once each, in each producer's order.
//!
//! Requests and answers are cut at any byte, batches are cut anew and sent again to either replica, replicas are killed
//! and started again, producers start anew and their former selves go on. The rules themselves have a suite of their own
//! (`log_store::conformance`), which the stores pass in far more histories.

mod producer;
mod world;

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use test_support::{RedisCluster, RedisServer};
use tokio::task::JoinSet;

use self::producer::Producer;
use self::world::{ServiceView, World};
use super::{ALL, fresh};

/// How many histories run at once.
const AT_ONCE: u64 = 8;

/// How many steps a producer takes in a history.
const STEPS: usize = 12;

/// How many histories: `TEST_HISTORIES`, for a long run by hand, or these.
#[expect(
    clippy::disallowed_methods,
    reason = "a long run by hand says how many it wants"
)]
fn histories(usual: u64) -> u64 {
    let asked = std::env::var("TEST_HISTORIES").ok();
    asked.map_or(usual, |asked| asked.parse().unwrap())
}

/// Runs histories side by side while replicas are killed.
async fn run(world: Arc<World>, count: u64) {
    let killer = tokio::spawn(kill_and_restart(world.clone()));
    let mut runners = JoinSet::new();
    for runner in 0..AT_ONCE {
        let world = world.clone();
        runners.spawn(async move {
            for seed in (runner..count).step_by(usize::try_from(AT_ONCE).unwrap()) {
                history(&world, seed).await;
            }
        });
    }
    while let Some(ended) = runners.join_next().await {
        ended.unwrap();
    }
    assert!(!killer.is_finished(), "{:?}", killer.await);
    killer.abort();
}

/// One job with two producers that know nothing of each other.
async fn history(world: &World, seed: u64) {
    let job = fresh();
    let token = world.create(&job).await;
    let mut producers = Vec::new();
    for n in 0..2 {
        let service = ServiceView::new(world, &job, &token).await;
        producers.push(Producer::new(format!("p{n}"), service, 2 * seed + n));
    }
    let [first, second] = producers.as_mut_slice() else {
        panic!("two producers");
    };
    tokio::join!(first.run(STEPS), second.run(STEPS));
    let texts = world.texts(&job).await;
    let mut all = 0;
    for producer in &producers {
        all += producer.check(&texts, seed);
    }
    assert_eq!(texts.len(), all, "seed {seed}: nothing that nobody sent");
}

async fn kill_and_restart(world: Arc<World>) {
    let mut random = fastrand::Rng::with_seed(7);
    loop {
        tokio::time::sleep(Duration::from_millis(random.u64(700..2_000))).await;
        // However slow this machine is, the producers get on between two kills.
        world.until_answered(100).await;
        world.kill_one(&mut random).await;
    }
}

#[tokio::test]
async fn over_redis_every_line_is_there_once_whatever_breaks() {
    let redis = RedisServer::shared().await;
    let world = World::on_redis(&redis.url(), 2).await;
    run(Arc::new(world), histories(160)).await;
}

#[tokio::test]
async fn over_a_cluster_every_line_is_there_once_whatever_breaks() {
    let cluster = RedisCluster::start().await;
    let world = World::on_redis(&cluster.url(), 2).await;
    run(Arc::new(world), histories(60)).await;
}

#[tokio::test]
async fn over_the_embedded_store_every_line_is_there_once_whatever_breaks() {
    let dir = TempDir::new().unwrap();
    let world = World::embedded(dir).await;
    run(Arc::new(world), histories(100)).await;
}

/// So that a run that breaks nothing cannot pass for one that does.
#[tokio::test]
async fn the_faults_of_the_histories_are_real() {
    let redis = RedisServer::shared().await;
    let world = World::on_redis(&redis.url(), 1).await;
    let job = fresh();
    let token = world.create(&job).await;
    let service = ServiceView::new(&world, &job, &token).await;
    let mut producer = Producer::new("p".into(), service, 3);
    producer.run(200).await;
    let seen = &producer.seen;
    assert!(seen.unanswered > 10 && seen.duplicates > 10, "{seen:?}");
    assert!(
        seen.gaps > 0 && seen.zombies > 0 && seen.epochs > 0,
        "{seen:?}"
    );
    let texts = world.texts(&job).await;
    assert_eq!(producer.check(&texts, 3), texts.len());
    let target = format!("/api/jobs/{job}/logs/producers/p");
    let known = world.ask(&ALL.text, "GET", &target, "").await;
    assert_eq!(known["epoch"], seen.epochs);
}
