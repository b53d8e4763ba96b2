//! The end of a log.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::controlled_store::ControlledStore;
use crate::fixture::{Event, Fixture, events, id, lines, settle};

const QUIET: Duration = Duration::from_millis(250);

fn done(status: &str) -> Vec<Event> {
    vec![Event::done(status)]
}

#[tokio::test(start_paused = true)]
async fn lines_within_the_quiet_period_are_delivered_before_done() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=2);
    settle().await;
    fixture.set_status("ready");
    for n in 3..=6 {
        sleep(QUIET - Duration::from_millis(10)).await;
        fixture.write(n..=n);
    }
    let last = Instant::now();
    assert_eq!(client.rest().await, events([lines(1..=6), done("ready")]));
    let waited = last.elapsed();
    assert!(waited >= QUIET && waited < QUIET * 2, "{waited:?}");
    assert_eq!(client.cursor(), Some(id(6)));
}

#[tokio::test(start_paused = true)]
async fn each_way_to_end_has_its_status() {
    for (status, said) in [("ready", "ready"), ("failed", "failed")] {
        let fixture = Fixture::new().await;
        let mut client = fixture.live().await;
        fixture.set_status(status);
        assert_eq!(client.rest().await, done(said));
    }
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.write(1..=1);
    settle().await;
    fixture.store.inner().delete_job(&fixture.job);
    fixture.write(2..=2);
    assert_eq!(client.rest().await, events([lines(1..=2), done("deleted")]));
}

#[tokio::test(start_paused = true)]
async fn only_terminal_statuses_end_a_log() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    for status in ["starting", "checks", "paused", "", "READY"] {
        fixture.set_status(status);
        let seen = client.during(Duration::from_secs(10)).await;
        assert!(
            seen.iter().all(|event| *event == Event::Heartbeat),
            "{seen:?}"
        );
    }
    fixture.store.inner().set_status_raw(&fixture.job, None);
    let seen = client.during(Duration::from_secs(30)).await;
    assert!(
        seen.iter().all(|event| *event == Event::Heartbeat),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_taken_back_ends_nothing() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.set_status("failed");
    sleep(QUIET / 2).await;
    fixture.set_status("starting");
    assert_eq!(client.during(Duration::from_secs(10)).await, []);
    fixture.set_status("ready");
    assert_eq!(client.rest().await, done("ready"));
}

#[tokio::test(start_paused = true)]
async fn five_thousand_lines_and_the_status_right_after_reach_all_in_order() {
    let fixture = Fixture::new().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(fixture.live().await);
    }
    fixture.write(1..=5_000);
    fixture.set_status("ready");
    let begin = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| tokio::spawn(async move { client.rest().await }))
        .collect();
    for task in tasks {
        assert_eq!(
            task.await.unwrap(),
            events([lines(1..=5_000), done("ready")])
        );
    }
    assert!(begin.elapsed() < QUIET * 2);
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_never_stops_is_cut_at_the_limit() {
    let fixture = std::sync::Arc::new(Fixture::new().await);
    let mut client = fixture.live().await;
    let writer = tokio::spawn({
        let fixture = fixture.clone();
        async move {
            for n in 1.. {
                fixture.write(n..=n);
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    sleep(Duration::from_secs(1)).await;
    fixture.set_status("failed");
    let begin = Instant::now();
    let seen = client.rest().await;
    let took = begin.elapsed();
    writer.abort();
    let limit = Duration::from_secs(5);
    assert!(took >= limit && took < limit + QUIET, "{took:?}");
    let last = seen.len() as u64 - 1;
    assert!(last > 290, "{last} lines in six seconds");
    assert_eq!(seen, events([lines(1..=last), done("failed")]));
    assert_eq!(client.cursor(), Some(id(last)));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_never_stops_is_cut_on_a_log_made_anew_too() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    let fixture = std::sync::Arc::new(fixture);
    let mut client = fixture.live().await;
    settle().await;
    controls.hold_feeds(true);
    fixture.write(1_000_001..=1_003_000);
    fixture.set_status("failed");
    controls.hold_feeds(false);
    sleep(Duration::from_millis(1)).await;
    fixture.delete_log();
    let writer = tokio::spawn({
        let fixture = fixture.clone();
        async move {
            for n in 1.. {
                fixture.write(n..=n);
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let begin = Instant::now();
    client.rest().await;
    writer.abort();
    assert!(begin.elapsed() < Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_outruns_the_reader_is_cut_at_the_limit_too() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.read.lines = 10).await;
    controls.outrun_feeds();
    let mut client = fixture.live().await;
    let before = client.during(Duration::from_secs(1)).await;
    assert!(before.len() > 500, "{} lines in a second", before.len());
    fixture.set_status("failed");
    let begin = Instant::now();
    let after = client.rest().await;
    let took = begin.elapsed();
    let limit = Duration::from_secs(5);
    assert!(took >= limit && took < limit + QUIET, "{took:?}");
    let seen = events([before, after]);
    let last = seen.len() as u64 - 1;
    assert!(last < controls.outrun_up_to(), "it was never at the end");
    assert_eq!(seen, events([lines(1..=last), done("failed")]));
}

#[tokio::test(start_paused = true)]
async fn a_job_record_that_is_written_again_and_again_does_not_delay_the_end() {
    let fixture = std::sync::Arc::new(Fixture::new().await);
    let mut client = fixture.live().await;
    settle().await;
    let writer = tokio::spawn({
        let fixture = fixture.clone();
        async move {
            loop {
                fixture.set_status("ready");
                sleep(QUIET / 5).await;
            }
        }
    });
    let begin = Instant::now();
    assert_eq!(client.rest().await, done("ready"));
    assert!(begin.elapsed() < QUIET * 2, "{:?}", begin.elapsed());
    writer.abort();
}

#[tokio::test(start_paused = true)]
async fn viewers_that_come_and_go_do_not_delay_the_end() {
    let fixture = Fixture::new().await;
    drop(fixture.live().await);
    settle().await;
    fixture.set_status("ready");
    settle().await;
    let calls = fixture.store.faults().calls();
    // Each of them leaves the feed without viewers, which wakes the feed's task.
    for _ in 0..4 {
        sleep(QUIET / 5).await;
        drop(fixture.after(0).await);
    }
    sleep(QUIET / 4).await;
    assert_eq!(fixture.stats().feeds, 0);
    assert!(
        fixture.store.faults().calls() <= calls + 2,
        "the log is not read for them"
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_gets_everything_up_to_the_end_and_nothing_later() {
    let fixture = Fixture::with(|options| {
        options.feed_bytes = 1;
        options.read.lines = 10;
    })
    .await;
    let mut slow = fixture.live().await;
    let mut quick = fixture.live().await;
    fixture.write(1..=3);
    assert_eq!(slow.next().await, lines(1..=3));
    fixture.write(4..=300);
    fixture.set_status("ready");
    assert_eq!(quick.rest().await, events([lines(1..=300), done("ready")]));
    fixture.write(301..=320);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(slow.rest().await, events([lines(4..=300), done("ready")]));
    assert_eq!(slow.cursor(), Some(id(300)));
    // A viewer that resumes gets the rest.
    let mut again = fixture.after(300).await;
    assert_eq!(
        again.rest().await,
        events([lines(301..=320), done("ready")])
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_ended_gives_the_lines_after_the_cursor_and_done() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    fixture.set_status("ready");
    let mut live = fixture.live().await;
    assert_eq!(live.rest().await, done("ready"));
    assert_eq!(live.cursor(), Some(id(5)));
    let mut resumed = fixture.after(2).await;
    assert_eq!(resumed.rest().await, events([lines(3..=5), done("ready")]));
    let mut at_end = fixture.after(5).await;
    assert_eq!(at_end.rest().await, done("ready"));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_beyond_the_end_of_a_job_that_has_ended_leads_to_its_last_id() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    fixture.set_status("ready");
    let mut client = fixture.after(9).await;
    let expected = events([vec![Event::gap(9, None)], done("ready")]);
    assert_eq!(client.rest().await, expected);
    assert_eq!(client.cursor(), Some(id(5)));
    sleep(Duration::from_secs(60)).await;
    fixture.delete_log();
    let mut client = fixture.after(9).await;
    assert_eq!(client.rest().await, expected);
    assert_eq!(client.cursor(), Some(id(0)));
}

#[tokio::test(start_paused = true)]
async fn the_cursor_of_done_is_never_behind_a_line_that_was_sent() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=2);
    let mut client = fixture.after(0).await;
    settle().await;
    fixture.set_status("ready");
    sleep(QUIET / 2).await;
    // The feed sees a quiet log. The viewer, which is slow, reads a line that comes right after.
    controls.hold_feed_answers(true);
    sleep(QUIET).await;
    fixture.write(3..=3);
    let seen = client.now().await;
    controls.hold_feed_answers(false);
    let seen = events([seen, client.rest().await]);
    assert_eq!(seen, events([lines(1..=3), done("ready")]));
    assert_eq!(client.cursor(), Some(id(3)));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_after_done() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    fixture.set_status("ready");
    assert_eq!(client.rest().await, done("ready"));
    fixture.write(1..=3);
    assert_eq!(client.during(Duration::from_secs(120)).await, []);
}
