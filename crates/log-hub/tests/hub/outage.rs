//! A store that cannot be read: streams stay open, and no line is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use log_domain::Start;

use crate::controlled_store::ControlledStore;
use crate::fixture::{Event, Fixture, events, lines, settle};

#[tokio::test(start_paused = true)]
async fn streams_stay_open_with_heartbeats_and_get_everything_afterwards() {
    let fixture = Fixture::new().await;
    let mut live = fixture.live().await;
    let mut behind = fixture.after(0).await;
    fixture.write(1..=3);
    assert_eq!(live.now().await, lines(1..=3));
    fixture.store.faults().cut();
    fixture.write(4..=6);
    let seen = live.during(Duration::from_secs(100)).await;
    assert!((4..=5).contains(&seen.len()), "{seen:?}");
    assert!(seen.iter().all(|event| *event == Event::Heartbeat));
    fixture.store.faults().mend();
    let begin = Instant::now();
    assert_eq!(live.next().await, lines(4..=6));
    assert!(begin.elapsed() <= Duration::from_secs(1));
    fixture.write(7..=7);
    assert_eq!(live.now().await, lines(7..=7));
    assert_eq!(behind.now().await, lines(1..=7));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_cannot_be_opened_says_so() {
    let fixture = Fixture::new().await;
    fixture.store.faults().cut();
    let refused = fixture.open(Start::Live).await.err().unwrap();
    assert!(refused.is_retryable());
    assert_eq!((fixture.stats().viewers, fixture.stats().feeds), (0, 0));
    // A running feed does not keep a slot for it either.
    fixture.store.faults().mend();
    let _client = fixture.live().await;
    fixture.store.faults().cut();
    assert!(fixture.open(Start::Live).await.is_err());
    assert_eq!(fixture.stats().viewers, 1);
}

#[tokio::test(start_paused = true)]
async fn viewers_that_catch_up_go_on_within_two_seconds_after_an_outage() {
    let fixture = Fixture::with(|options| options.read.lines = 10).await;
    fixture.write(1..=30);
    let mut client = fixture.after(0).await;
    assert_eq!(client.next().await, lines(1..=10));
    fixture.store.faults().cut();
    assert_eq!(client.during(Duration::from_secs(3)).await, []);
    fixture.store.faults().mend();
    let begin = Instant::now();
    assert_eq!(client.next().await, lines(11..=20));
    assert!(
        begin.elapsed() <= Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(client.now().await, lines(21..=30));
}

#[tokio::test(start_paused = true)]
async fn neither_clock_of_the_end_runs_during_an_outage() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=2);
    settle().await;
    fixture.set_status("ready");
    sleep(Duration::from_millis(100)).await;
    fixture.store.faults().cut();
    fixture.write(3..=3);
    let seen = client.during(Duration::from_secs(60)).await;
    assert!(!seen.contains(&Event::done("ready")), "{seen:?}");
    fixture.store.faults().mend();
    let mend = Instant::now();
    // The producer's last line, which the outage has held up too.
    sleep(Duration::from_millis(200)).await;
    fixture.write(4..=4);
    assert_eq!(
        client.rest().await,
        events([lines(3..=4), vec![Event::done("ready")]])
    );
    assert!(mend.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_status_set_during_an_outage_is_seen_after_it() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    settle().await;
    fixture.store.faults().cut();
    fixture.write(1..=2);
    fixture.set_status("failed");
    sleep(Duration::from_secs(5)).await;
    fixture.store.faults().mend();
    let expected = events([lines(1..=2), vec![Event::done("failed")]]);
    assert_eq!(client.rest().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_of_a_log_that_has_ended_outlives_an_outage() {
    let fixture = Fixture::with(|options| {
        options.feed_bytes = 1;
        options.read.lines = 10;
    })
    .await;
    let mut slow = fixture.live().await;
    fixture.write(1..=30);
    fixture.set_status("ready");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(fixture.stats().feeds, 0);
    fixture.store.faults().cut();
    let during = slow.during(Duration::from_secs(50)).await;
    assert_eq!(during, [Event::Heartbeat, Event::Heartbeat]);
    fixture.store.faults().mend();
    let expected = events([lines(1..=30), vec![Event::done("ready")]]);
    assert_eq!(slow.during(Duration::from_secs(2)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_lost_notice_loses_no_line() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    for n in 1..=50 {
        fixture.store.faults().interrupt();
        fixture.write(n..=n);
        if n % 3 == 0 {
            fixture.store.faults().interrupt();
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(client.during(Duration::from_secs(3)).await, lines(1..=50));
    fixture.store.faults().interrupt();
    fixture.set_status("ready");
    fixture.store.faults().interrupt();
    assert_eq!(client.rest().await, [Event::done("ready")]);
}

#[tokio::test(start_paused = true)]
async fn notices_without_a_change_do_no_harm() {
    let fixture = Fixture::new().await;
    let every = Some(Duration::from_millis(20));
    fixture.store.faults().set_spurious_every(every);
    let mut client = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(client.during(Duration::from_secs(2)).await, lines(1..=3));
    fixture.set_status("ready");
    let begin = Instant::now();
    assert_eq!(client.rest().await, [Event::done("ready")]);
    assert!(begin.elapsed() < Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn single_failures_are_retried_soon() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    settle().await;
    fixture.store.faults().fail_next(2);
    fixture.write(1..=1);
    let begin = Instant::now();
    assert_eq!(client.next().await, lines(1..=1));
    assert!(begin.elapsed() <= Duration::from_millis(200));
    assert_eq!(fixture.stats().failed_reads, 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_is_repeated_though_its_notice_is_used_up() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    let mut client = fixture.live().await;
    settle().await;
    controls.lose_feed_answers(3);
    fixture.write(1..=2);
    assert_eq!(client.during(Duration::from_secs(2)).await, lines(1..=2));
    assert_eq!(fixture.stats().failed_reads, 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_the_feed_breaks_all_off() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    let mut clients = [fixture.live().await, fixture.live().await];
    settle().await;
    controls.refuse_feeds(true);
    fixture.write(1..=1);
    for client in &mut clients {
        assert!(matches!(client.now().await[..], [Event::BrokenOff(_)]));
    }
    settle().await;
    assert_eq!(fixture.stats().feeds, 0);
    // The next viewer gets a new feed.
    controls.refuse_feeds(false);
    let mut next = fixture.after(0).await;
    assert_eq!(next.now().await, lines(1..=1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_a_viewer_breaks_that_one_off() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=2);
    controls.refuse_viewers(true);
    let mut live = fixture.live().await;
    let mut behind = fixture.after(0).await;
    assert!(matches!(behind.now().await[..], [Event::BrokenOff(_)]));
    fixture.write(3..=3);
    assert_eq!(live.now().await, lines(3..=3));
}
