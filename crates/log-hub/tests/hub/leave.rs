//! A viewer that has gone leaves nothing behind.

use std::time::Duration;

use tokio::time::sleep;

use crate::controlled_store::ControlledStore;
use crate::fixture::{Fixture, lines, settle};

const LINGER: Duration = Duration::from_secs(5);
const BEFORE: Duration = Duration::from_millis(4990);

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_dropped_is_gone_from_the_gauge_at_once() {
    let fixture = Fixture::new().await;
    let (a, b) = (fixture.live().await, fixture.live().await);
    assert_eq!(fixture.stats().viewers, 2);
    drop(a);
    assert_eq!(fixture.stats().viewers, 1);
    drop(b);
    assert_eq!(fixture.stats().viewers, 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_ends_after_the_linger_and_not_before() {
    let fixture = Fixture::new().await;
    let client = fixture.live().await;
    settle().await;
    drop(client);
    sleep(BEFORE).await;
    assert_eq!(fixture.stats().feeds, 1);
    assert_eq!(fixture.store.inner().watched(), 2);
    sleep(LINGER - BEFORE + Duration::from_millis(2)).await;
    assert_eq!(fixture.stats().feeds, 0);
    assert_eq!(fixture.store.inner().watched(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_comes_back_within_the_linger_finds_the_feed_running() {
    let fixture = Fixture::new().await;
    let client = fixture.live().await;
    drop(client);
    sleep(BEFORE).await;
    fixture.write(1..=3);
    settle().await;
    let mut client = fixture.after(1).await;
    sleep(LINGER).await;
    assert_eq!(client.now().await, lines(2..=3));
    assert_eq!(
        (fixture.stats().feeds, fixture.stats().catch_up_reads),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn the_linger_is_counted_from_the_last_viewer_that_left() {
    let fixture = Fixture::new().await;
    drop(fixture.live().await);
    sleep(Duration::from_secs(3)).await;
    drop(fixture.live().await);
    sleep(BEFORE).await;
    assert_eq!(fixture.stats().feeds, 1);
    sleep(LINGER - BEFORE + Duration::from_millis(2)).await;
    assert_eq!(fixture.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deserted_feed_ends_though_its_log_always_has_more() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.read.lines = 10).await;
    controls.outrun_feeds();
    let mut client = fixture.live().await;
    assert!(!client.during(Duration::from_secs(1)).await.is_empty());
    drop(client);
    sleep(BEFORE).await;
    assert_eq!(fixture.stats().feeds, 1);
    sleep(LINGER - BEFORE + Duration::from_millis(20)).await;
    assert_eq!(fixture.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_deserted_feed_ends_though_the_store_is_away() {
    let fixture = Fixture::new().await;
    let client = fixture.live().await;
    settle().await;
    fixture.store.faults().cut();
    fixture.write(1..=1);
    drop(client);
    sleep(LINGER + Duration::from_millis(10)).await;
    assert_eq!(fixture.stats().feeds, 0);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_dropped_in_the_middle_of_a_read_gives_back_its_turn() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.catch_up_reads = 1).await;
    fixture.write(1..=3);
    controls.hold_answers(true);
    let mut first = fixture.after(0).await;
    assert_eq!(first.now().await, []);
    assert_eq!(controls.in_flight(), 1);
    drop(first);
    assert_eq!(controls.in_flight(), 0);
    controls.hold_answers(false);
    assert_eq!(fixture.after(0).await.now().await, lines(1..=3));
}

#[tokio::test(start_paused = true)]
async fn the_clock_ends_with_the_hub() {
    let fixture = Fixture::new().await;
    drop(fixture.live().await);
    let Fixture { hub, .. } = fixture;
    drop(hub);
    sleep(LINGER + Duration::from_secs(2)).await;
    let left = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(left, 0);
}
