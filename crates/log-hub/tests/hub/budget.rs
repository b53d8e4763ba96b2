//! What all feeds keep together is bounded, and nobody loses a line by it.

use std::ops::RangeInclusive;
use std::time::Duration;

use log_domain::{JobId, Start};
use log_store::NewLine;
use tokio::time::sleep;

use crate::fixture::{Client, Fixture, create, id, job, lines, settle};

/// About the frame of a line that these tests write.
const FRAME: u64 = 1_100;

/// Appends the lines `n-0` of a kilobyte.
fn write(fixture: &Fixture, job: &JobId, range: RangeInclusive<u64>) {
    for n in range {
        let line = NewLine {
            text: Some("x".repeat(1_000)),
            ..NewLine::default()
        };
        fixture.store.inner().append_at(job, id(n), &line);
    }
}

async fn open(fixture: &Fixture, job: &JobId) -> Client {
    let opened = fixture.hub.open(job, Start::Live).await.unwrap();
    Client::new(opened.into_viewer().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_feed_keeps_only_a_tail_of_what_all_its_viewers_have_passed() {
    let fixture = Fixture::new().await;
    let mut viewers = vec![fixture.live().await, fixture.live().await];
    for round in 0..50 {
        let range = round * 10 + 1..=round * 10 + 10;
        write(&fixture, &fixture.job, range.clone());
        for viewer in &mut viewers {
            assert_eq!(viewer.now().await, lines(range.clone()));
        }
    }
    let kept = fixture.stats().kept_bytes;
    assert!(kept <= 100 * 1024, "{kept}");
    // The tail is for those who come back.
    let mut again = fixture.after(470).await;
    assert_eq!(again.now().await, lines(471..=500));
    assert_eq!(fixture.stats().catch_up_reads, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_viewer_has_not_passed_is_kept_while_there_is_room() {
    let fixture = Fixture::new().await;
    let (mut busy, mut quick) = (fixture.live().await, fixture.live().await);
    // It has asked once, and then its client stops to read.
    assert_eq!(busy.now().await, []);
    for round in 0..50 {
        let range = round * 10 + 1..=round * 10 + 10;
        write(&fixture, &fixture.job, range.clone());
        assert_eq!(quick.now().await, lines(range));
    }
    assert!(fixture.stats().kept_bytes >= 500 * 1_000);
    assert_eq!(busy.now().await, lines(1..=500));
    assert_eq!(fixture.stats().catch_up_reads, 0);
    // At the next tick of the hub's clock.
    sleep(Duration::from_secs(2)).await;
    let kept = fixture.stats().kept_bytes;
    assert!(kept <= 100 * 1024, "{kept}");
}

#[tokio::test(start_paused = true)]
async fn beyond_the_budget_slow_viewers_read_the_store_and_get_every_line_once() {
    const BUDGET: u64 = 300_000;
    const JOBS: usize = 20;
    let fixture = Fixture::with(|options| options.feeds_bytes = 300_000).await;
    let mut slow = Vec::new();
    for n in 0..JOBS {
        let job = job(&format!("slow-{n}"));
        create(fixture.store.inner(), &job).await;
        slow.push((open(&fixture, &job).await, job));
    }
    for round in 0..20 {
        for (_, job) in &slow {
            write(&fixture, job, round * 5 + 1..=round * 5 + 5);
        }
        settle().await;
        // Each keeps at least its newest segment.
        let kept = fixture.stats().kept_bytes;
        let newest = JOBS as u64 * (16 * 1024 + FRAME);
        assert!(kept <= BUDGET + newest, "{kept}");
    }
    for (viewer, _) in &mut slow {
        assert_eq!(viewer.now().await, lines(1..=100));
    }
    assert!(fixture.stats().catch_up_reads > 0);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_has_ended_keeps_nothing() {
    let fixture = Fixture::new().await;
    let mut viewer = fixture.live().await;
    write(&fixture, &fixture.job, 1..=10);
    assert_eq!(viewer.now().await, lines(1..=10));
    assert!(fixture.stats().kept_bytes > 0);
    fixture.set_status("ready");
    viewer.rest().await;
    drop(viewer);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(fixture.stats().kept_bytes, 0);
}
