//! What is left of a viewer that has gone: nothing.

use std::time::Duration;

use tokio::time::sleep;

use crate::held::HeldStore;
use crate::stage::{Stage, lines, settle};

const LINGER: Duration = Duration::from_secs(5);
const BEFORE: Duration = Duration::from_millis(4990);

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_dropped_is_gone_from_the_gauge_at_once() {
    let stage = Stage::new().await;
    let (a, b) = (stage.live().await, stage.live().await);
    assert_eq!(stage.stats().viewers, 2);
    drop(a);
    assert_eq!(stage.stats().viewers, 1);
    drop(b);
    assert_eq!(stage.stats().viewers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_after_the_linger_and_not_before() {
    let stage = Stage::new().await;
    let client = stage.live().await;
    settle().await;
    drop(client);
    sleep(BEFORE).await;
    assert_eq!(stage.stats().feeds, 1);
    assert_eq!(stage.store.inner().watched(), 2);
    sleep(LINGER - BEFORE + Duration::from_millis(2)).await;
    assert_eq!(stage.stats().feeds, 0);
    assert_eq!(stage.store.inner().watched(), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_within_the_linger_finds_the_feed_warm() {
    let stage = Stage::new().await;
    let client = stage.live().await;
    drop(client);
    sleep(BEFORE).await;
    stage.write(1..=3);
    settle().await;
    let mut client = stage.after(1).await;
    sleep(LINGER).await;
    assert_eq!(client.now().await, lines(2..=3));
    assert_eq!((stage.stats().feeds, stage.stats().catch_up_reads), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_linger_is_counted_from_the_last_viewer_that_left() {
    let stage = Stage::new().await;
    drop(stage.live().await);
    sleep(Duration::from_secs(3)).await;
    drop(stage.live().await);
    sleep(BEFORE).await;
    assert_eq!(stage.stats().feeds, 1);
    sleep(LINGER - BEFORE + Duration::from_millis(2)).await;
    assert_eq!(stage.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deserted_feed_ends_though_its_log_always_has_more() {
    let (stage, held) = HeldStore::stage(|options| options.read.lines = 10).await;
    held.outrun_feeds();
    let mut client = stage.live().await;
    assert!(!client.during(Duration::from_secs(1)).await.is_empty());
    drop(client);
    sleep(BEFORE).await;
    assert_eq!(stage.stats().feeds, 1);
    sleep(LINGER - BEFORE + Duration::from_millis(20)).await;
    assert_eq!(stage.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deserted_feed_ends_though_the_store_is_away() {
    let stage = Stage::new().await;
    let client = stage.live().await;
    settle().await;
    stage.store.faults().cut();
    stage.write(1..=1);
    drop(client);
    sleep(LINGER + Duration::from_millis(10)).await;
    assert_eq!(stage.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_dropped_in_the_middle_of_a_read_gives_back_its_turn() {
    let (stage, held) = HeldStore::stage(|options| options.catch_up_reads = 1).await;
    stage.write(1..=3);
    held.hold_answers(true);
    let mut first = stage.after(0).await;
    assert_eq!(first.now().await, []);
    assert_eq!(held.in_flight(), 1);
    drop(first);
    assert_eq!(held.in_flight(), 0);
    held.hold_answers(false);
    assert_eq!(stage.after(0).await.now().await, lines(1..=3));
}

#[tokio::test(start_paused = true)]
async fn the_clock_ends_with_the_hub() {
    let stage = Stage::new().await;
    drop(stage.live().await);
    let Stage { hub, .. } = stage;
    drop(hub);
    sleep(LINGER + Duration::from_secs(2)).await;
    let left = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(left, 0);
}
