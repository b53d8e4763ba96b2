//! Where a viewer begins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_domain::Start;

use crate::controlled_store::ControlledStore;
use crate::fixture::{Event, Fixture, id, lines, settle};

#[tokio::test(start_paused = true)]
async fn a_live_viewer_gets_everything_from_now_on_and_nothing_before() {
    let fixture = Fixture::new().await;
    fixture.write(1..=3);
    let mut client = fixture.live().await;
    assert_eq!(client.now().await, []);
    fixture.write(4..=5);
    assert_eq!(client.now().await, lines(4..=5));
    fixture.write(6..=6);
    assert_eq!(client.now().await, lines(6..=6));
}

#[tokio::test(start_paused = true)]
async fn a_live_viewer_of_a_feed_that_runs_gets_nothing_from_before_either() {
    let fixture = Fixture::new().await;
    let mut first = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(first.now().await, lines(1..=3));
    let mut second = fixture.live().await;
    fixture.write(4..=4);
    assert_eq!(second.now().await, lines(4..=4));
    assert_eq!(first.now().await, lines(4..=4));
}

#[tokio::test(start_paused = true)]
async fn a_live_viewer_that_opens_before_the_feed_has_read_on_gets_nothing_from_before() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    let mut first = fixture.live().await;
    settle().await;
    controls.hold_feeds(true);
    fixture.write(1..=3);
    let mut second = fixture.live().await;
    controls.hold_feeds(false);
    fixture.write(4..=4);
    assert_eq!(second.now().await, lines(4..=4));
    assert_eq!(first.now().await, lines(1..=4));
}

#[tokio::test(start_paused = true)]
async fn a_live_viewer_of_a_log_that_was_deleted_a_moment_ago_gets_nothing_of_it() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    let mut first = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(first.now().await, lines(1..=3));
    controls.hold_feeds(true);
    fixture.delete_log();
    let mut second = fixture.live().await;
    assert_eq!(second.now().await, []);
    controls.hold_feeds(false);
    settle().await;
    fixture.write(4..=5);
    assert_eq!(second.now().await, lines(4..=5));
    assert_eq!(
        first.now().await,
        [vec![Event::gap(3, None)], lines(4..=5)].concat()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cursor_in_the_ring_needs_no_read_of_the_store() {
    let fixture = Fixture::new().await;
    let mut first = fixture.live().await;
    fixture.write(1..=10);
    assert_eq!(first.now().await, lines(1..=10));
    let calls = fixture.store.faults().calls();
    for n in [0, 4, 9] {
        let mut client = fixture.after(n).await;
        assert_eq!(client.now().await, lines(n + 1..=10));
    }
    let mut at_end = fixture.after(10).await;
    assert_eq!(at_end.now().await, []);
    assert_eq!(fixture.store.faults().calls(), calls);
    fixture.write(11..=11);
    assert_eq!(at_end.now().await, lines(11..=11));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_behind_the_ring_is_caught_up_from_the_store() {
    let fixture = Fixture::with(|options| options.feed_bytes = 1).await;
    fixture.write(1..=2000);
    let mut first = fixture.live().await;
    fixture.write(2001..=2002);
    assert_eq!(first.now().await, lines(2001..=2002));
    let mut client = fixture.after(7).await;
    assert_eq!(client.now().await, lines(8..=2002));
    fixture.write(2003..=2003);
    let reads = fixture.stats().catch_up_reads;
    assert_eq!(client.now().await, lines(2003..=2003));
    assert_eq!(fixture.stats().catch_up_reads, reads, "it is live again");
}

#[tokio::test(start_paused = true)]
async fn a_cursor_at_the_end_is_no_gap_with_or_without_a_feed() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    let mut first = fixture.after(5).await;
    let mut second = fixture.after(5).await;
    fixture.write(6..=6);
    assert_eq!(first.now().await, lines(6..=6));
    assert_eq!(second.now().await, lines(6..=6));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_end_is_a_gap_and_goes_on_after_the_end() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    for _ in 0..2 {
        // The first one begins the feed, the second one finds it.
        let mut client = fixture.after(9).await;
        assert_eq!(client.now().await, [Event::gap(9, None)]);
        assert_eq!(client.cursor(), Some(id(5)));
    }
    let mut client = fixture.after(9).await;
    assert_eq!(client.now().await.len(), 1);
    fixture.write(6..=6);
    assert_eq!(client.now().await, lines(6..=6));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_of_a_log_that_is_gone_goes_on_from_its_start() {
    let fixture = Fixture::new().await;
    let mut client = fixture.after(9).await;
    assert_eq!(client.now().await, [Event::gap(9, None)]);
    assert_eq!(client.cursor(), Some(id(0)));
    fixture.write(1..=2);
    assert_eq!(client.now().await, lines(1..=2));
}

#[tokio::test(start_paused = true)]
async fn a_start_at_zero_gives_the_whole_log_and_then_live_lines() {
    let fixture = Fixture::new().await;
    let mut early = fixture.after(0).await;
    assert_eq!(early.now().await, []);
    fixture.write(1..=3);
    assert_eq!(early.now().await, lines(1..=3));
    let mut late = fixture.after(0).await;
    assert_eq!(late.now().await, lines(1..=3));
    fixture.write(4..=4);
    assert_eq!(late.now().await, lines(4..=4));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_opens_while_lines_are_written_misses_and_repeats_none() {
    let fixture = Arc::new(Fixture::with(|options| options.feed_bytes = 2000).await);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn({
        let (fixture, stop) = (fixture.clone(), stop.clone());
        async move {
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                fixture.write(n + 1..=n + 1);
                n += 1;
                // The others get a turn, and now and then time passes.
                if n % 5 == 0 {
                    tokio::time::sleep(Duration::from_micros(300)).await;
                }
                tokio::task::yield_now().await;
            }
            n
        }
    });
    let mut clients = Vec::new();
    let starts = |n| [Start::Live, Start::After(id(0)), Start::After(id(n))];
    for start in (0..67).flat_map(starts) {
        let client = fixture.open(start).await.unwrap();
        clients.push((start, client));
        tokio::time::sleep(Duration::from_micros(70)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let last = writer.await.unwrap();
    for (start, mut client) in clients {
        let begin = start.cursor().unwrap_or_else(|| client.viewer.position());
        assert_eq!(
            client.now().await,
            lines(begin.ms() + 1..=last),
            "{start:?}"
        );
    }
}
