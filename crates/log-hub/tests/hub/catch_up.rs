//! Slow viewers, and reading the store for those that catch up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_hub::{HubOptions, Next};

use crate::controlled_store::ControlledStore;
use crate::fixture::{Event, Fixture, MOMENT, id, lines, settle};

fn small(options: &mut HubOptions) {
    options.feed_bytes = 2_000;
    options.read.lines = 10;
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_falls_out_of_the_ring_and_gets_everything_once_and_is_live_again() {
    let fixture = Fixture::with(small).await;
    let mut slow = fixture.live().await;
    let mut quick = fixture.live().await;
    fixture.write(1..=5);
    assert_eq!(slow.next().await, lines(1..=5));
    fixture.write(6..=400);
    assert_eq!(quick.now().await, lines(1..=400));
    assert_eq!(slow.now().await, lines(6..=400));
    let reads = fixture.stats().catch_up_reads;
    assert!(reads > 0);
    fixture.write(401..=402);
    assert_eq!(slow.now().await, lines(401..=402));
    assert_eq!(fixture.stats().catch_up_reads, reads);
}

#[tokio::test(start_paused = true)]
async fn a_feed_keeps_no_more_than_its_bytes() {
    let fixture = Fixture::with(|options| options.feed_bytes = 2_000).await;
    let mut client = fixture.live().await;
    for n in 1..=200 {
        fixture.write(n..=n);
        settle().await;
    }
    // Viewers that resume get from the ring what it holds. All before that is read from the store.
    let reads = fixture.stats().catch_up_reads;
    let mut in_ring = 0;
    for n in (0..200).rev() {
        let mut late = fixture.after(n).await;
        let Next::Frames(_) = late.viewer.next().await else {
            panic!("a line was there")
        };
        if fixture.stats().catch_up_reads > reads {
            break;
        }
        in_ring += 1;
    }
    let frame = frame_of(199, &fixture).await;
    assert!(
        in_ring * frame <= 2_000,
        "{in_ring} frames of {frame} bytes"
    );
    assert!(
        (in_ring + 2) * frame > 2_000,
        "{in_ring} frames of {frame} bytes"
    );
    assert_eq!(client.now().await, lines(1..=200));
}

async fn frame_of(n: u64, fixture: &Fixture) -> usize {
    let mut client = fixture.after(n).await;
    match client.viewer.next().await {
        Next::Frames(frames) => frames.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn reads_for_catch_up_are_bounded_and_take_turns() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.read.lines = 10).await;
    fixture.write(1..=100);
    controls.hold_answers(true);
    let mut tasks = Vec::new();
    for n in 0..8 {
        let mut client = fixture.after(n).await;
        tasks.push(tokio::spawn(async move { client.now().await }));
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    assert_eq!(controls.in_flight(), 1, "one for each job");
    controls.hold_answers(false);
    for (n, task) in (0..8).zip(tasks) {
        assert_eq!(task.await.unwrap(), lines(n + 1..=100));
    }
    assert_eq!(controls.most_in_flight(), 1);
    // Nobody reads a second batch before everybody has read a first one.
    let mut first: Vec<_> = controls.cursors().into_iter().take(8).collect();
    first.sort();
    assert_eq!(first, (0..8).map(id).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_viewer_whose_read_is_under_way_is_not_polled_in_vain() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=3);
    controls.hold_answers(true);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut client = fixture.after(0).await;
    let task = tokio::spawn({
        let polls = polls.clone();
        std::future::poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            client.viewer.poll_next(cx).map(drop)
        })
    });
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert!(polls.load(Ordering::SeqCst) <= 2, "{polls:?}");
    controls.hold_answers(false);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_waits_for_the_store_tries_once_each_tick() {
    let fixture = Fixture::new().await;
    fixture.write(1..=3);
    let mut client = fixture.after(0).await;
    settle().await;
    fixture.store.faults().cut();
    let begin = fixture.store.faults().calls();
    assert_eq!(client.during(Duration::from_secs(10)).await, []);
    let tried = fixture.store.faults().calls() - begin;
    assert!((8..=40).contains(&tried), "{tried} reads in ten seconds");
    fixture.store.faults().mend();
    assert_eq!(client.during(Duration::from_secs(2)).await, lines(1..=3));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_answers_late_hides_no_line_that_came_meanwhile() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.feed_bytes = 1).await;
    fixture.write(1..=2);
    let mut client = fixture.after(0).await;
    controls.hold_answers(true);
    assert_eq!(client.now().await, []);
    for n in 3..=6 {
        fixture.write(n..=n);
        settle().await;
    }
    controls.hold_answers(false);
    assert_eq!(client.now().await, lines(1..=6));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_answers_after_the_end_hides_no_line_from_before_it() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.feed_bytes = 1).await;
    fixture.write(1..=2);
    let mut client = fixture.after(0).await;
    controls.hold_answers(true);
    assert_eq!(client.now().await, []);
    for n in 3..=6 {
        fixture.write(n..=n);
        settle().await;
    }
    fixture.set_status("ready");
    tokio::time::sleep(Duration::from_secs(1)).await;
    controls.hold_answers(false);
    let expected = [lines(1..=6), vec![Event::done("ready")]].concat();
    assert_eq!(client.rest().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_has_read_ahead_of_its_feed_repeats_nothing() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=2);
    let mut client = fixture.after(0).await;
    settle().await;
    controls.hold_feeds(true);
    fixture.write(3..=4);
    assert_eq!(client.now().await, lines(1..=4));
    assert_eq!(fixture.stats().lines, 0, "the feed has not read");
    controls.hold_feeds(false);
    fixture.write(5..=5);
    assert_eq!(client.now().await, lines(5..=5));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_wait_loses_nothing() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.read.lines = 2).await;
    fixture.write(1..=9);
    let mut client = fixture.after(0).await;
    let mut seen = Vec::new();
    for round in 0..40 {
        controls.hold_answers(round % 2 == 0);
        let next = tokio::time::timeout(MOMENT / 4, client.next());
        seen.extend(next.await.unwrap_or_default());
    }
    assert_eq!(seen, lines(1..=9));
}
