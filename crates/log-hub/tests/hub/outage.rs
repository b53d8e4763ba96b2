//! A store that cannot be read: streams stay open, and nothing is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use log_domain::Start;
use log_hub::OpenError;

use crate::held::HeldStore;
use crate::stage::{Event, Stage, events, lines, settle};

#[tokio::test(start_paused = true)]
async fn streams_stay_open_with_heartbeats_and_get_everything_afterwards() {
    let stage = Stage::new().await;
    let mut live = stage.live().await;
    let mut behind = stage.after(0).await;
    stage.write(1..=3);
    assert_eq!(live.now().await, lines(1..=3));
    stage.store.faults().cut();
    stage.write(4..=6);
    let seen = live.during(Duration::from_secs(100)).await;
    assert!((4..=5).contains(&seen.len()), "{seen:?}");
    assert!(seen.iter().all(|event| *event == Event::Heartbeat));
    stage.store.faults().mend();
    let begin = Instant::now();
    assert_eq!(live.next().await, lines(4..=6));
    assert!(begin.elapsed() <= Duration::from_secs(1));
    stage.write(7..=7);
    assert_eq!(live.now().await, lines(7..=7));
    assert_eq!(behind.now().await, lines(1..=7));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_cannot_be_opened_says_so() {
    let stage = Stage::new().await;
    stage.store.faults().cut();
    let refused = stage.open(Start::Live).await.err().unwrap();
    assert!(matches!(refused, OpenError::Read(error) if error.is_retryable()));
    assert_eq!((stage.stats().viewers, stage.stats().feeds), (0, 0));
    // A feed that runs keeps its seat free too.
    stage.store.faults().mend();
    let _client = stage.live().await;
    stage.store.faults().cut();
    assert!(stage.open(Start::Live).await.is_err());
    assert_eq!(stage.stats().viewers, 1);
}

#[tokio::test(start_paused = true)]
async fn viewers_that_catch_up_go_on_within_two_seconds_however_young_the_hub_is() {
    let stage = Stage::with(|options| options.read.lines = 10).await;
    stage.write(1..=30);
    let mut client = stage.after(0).await;
    assert_eq!(client.next().await, lines(1..=10));
    stage.store.faults().cut();
    assert_eq!(client.during(Duration::from_secs(3)).await, []);
    stage.store.faults().mend();
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
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    stage.write(1..=2);
    settle().await;
    stage.set_status("ready");
    sleep(Duration::from_millis(100)).await;
    stage.store.faults().cut();
    stage.write(3..=3);
    let seen = client.during(Duration::from_secs(60)).await;
    assert!(!seen.contains(&Event::done("ready")), "{seen:?}");
    stage.store.faults().mend();
    let mend = Instant::now();
    // The producer's last line, which an outage held up too.
    sleep(Duration::from_millis(200)).await;
    stage.write(4..=4);
    assert_eq!(
        client.rest().await,
        events([lines(3..=4), vec![Event::done("ready")]])
    );
    assert!(mend.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_status_set_during_an_outage_is_seen_after_it() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    settle().await;
    stage.store.faults().cut();
    stage.write(1..=2);
    stage.set_status("failed");
    sleep(Duration::from_secs(5)).await;
    stage.store.faults().mend();
    let expected = events([lines(1..=2), vec![Event::done("failed")]]);
    assert_eq!(client.rest().await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_of_a_log_that_has_ended_outlives_an_outage() {
    let stage = Stage::with(|options| {
        options.feed_bytes = 1;
        options.read.lines = 10;
    })
    .await;
    let mut slow = stage.live().await;
    stage.write(1..=30);
    stage.set_status("ready");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(stage.stats().feeds, 0);
    stage.store.faults().cut();
    let during = slow.during(Duration::from_secs(50)).await;
    assert_eq!(during, [Event::Heartbeat, Event::Heartbeat]);
    stage.store.faults().mend();
    let expected = events([lines(1..=30), vec![Event::done("ready")]]);
    assert_eq!(slow.during(Duration::from_secs(2)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn notices_that_were_lost_are_made_up_for() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    for n in 1..=50 {
        stage.store.faults().interrupt();
        stage.write(n..=n);
        if n % 3 == 0 {
            stage.store.faults().interrupt();
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(client.during(Duration::from_secs(3)).await, lines(1..=50));
    stage.store.faults().interrupt();
    stage.set_status("ready");
    stage.store.faults().interrupt();
    assert_eq!(client.rest().await, [Event::done("ready")]);
}

#[tokio::test(start_paused = true)]
async fn notices_without_a_change_do_no_harm() {
    let stage = Stage::new().await;
    let every = Some(Duration::from_millis(20));
    stage.store.faults().set_spurious_every(every);
    let mut client = stage.live().await;
    stage.write(1..=3);
    assert_eq!(client.during(Duration::from_secs(2)).await, lines(1..=3));
    stage.set_status("ready");
    let begin = Instant::now();
    assert_eq!(client.rest().await, [Event::done("ready")]);
    assert!(begin.elapsed() < Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn single_failures_are_retried_soon() {
    let stage = Stage::new().await;
    let mut client = stage.live().await;
    settle().await;
    stage.store.faults().fail_next(2);
    stage.write(1..=1);
    let begin = Instant::now();
    assert_eq!(client.next().await, lines(1..=1));
    assert!(begin.elapsed() <= Duration::from_millis(200));
    assert_eq!(stage.stats().failed_reads, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_read_was_to_read_stays_due_though_its_notice_is_used_up() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    let mut client = stage.live().await;
    settle().await;
    held.lose_feed_answers(3);
    stage.write(1..=2);
    assert_eq!(client.during(Duration::from_secs(2)).await, lines(1..=2));
    assert_eq!(stage.stats().failed_reads, 3);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_the_feed_breaks_all_off() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    let mut clients = [stage.live().await, stage.live().await];
    settle().await;
    held.refuse_feeds(true);
    stage.write(1..=1);
    for client in &mut clients {
        assert!(matches!(client.now().await[..], [Event::BrokenOff(_)]));
    }
    settle().await;
    assert_eq!(stage.stats().feeds, 0);
    // The next one to come gets a feed of its own.
    held.refuse_feeds(false);
    let mut next = stage.after(0).await;
    assert_eq!(next.now().await, lines(1..=1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_a_viewer_breaks_that_one_off() {
    let (stage, held) = HeldStore::stage(|_| ()).await;
    stage.write(1..=2);
    held.refuse_viewers(true);
    let mut live = stage.live().await;
    let mut behind = stage.after(0).await;
    assert!(matches!(behind.now().await[..], [Event::BrokenOff(_)]));
    stage.write(3..=3);
    assert_eq!(live.now().await, lines(3..=3));
}
