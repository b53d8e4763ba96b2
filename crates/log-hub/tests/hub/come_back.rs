//! Clients that come back after the end of a log: an `EventSource` does so after each end.

use std::time::Duration;

use log_domain::{EntryId, Start};
use log_hub::{Opened, Opening, Viewer};

use crate::fixture::{Client, Event, Fixture, events, id, lines, settle};

fn back(n: u64) -> Opening {
    Opening::from_request(Some(id(n)), None, false)
}

async fn open(fixture: &Fixture, opening: impl Into<Opening>) -> Option<Viewer> {
    let opened = fixture.hub.open(&fixture.job, opening).await;
    opened.unwrap().into_viewer()
}

/// A fixture whose job has ended after five lines.
async fn ended(status: &str) -> Fixture {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    fixture.set_status(status);
    fixture
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_with_everything_is_told_that_the_log_is_complete() {
    for status in ["ready", "failed"] {
        let fixture = ended(status).await;
        // As an `EventSource` does it: the first stream, and then what it came back with.
        let mut first = fixture.live().await;
        assert_eq!(first.rest().await, [Event::done(status)]);
        let cursor = first.cursor().unwrap();
        let opening = Opening::from_request(Some(cursor), None, false);
        assert!(matches!(
            fixture.hub.open(&fixture.job, opening).await,
            Ok(Opened::Complete)
        ));
        drop(first);
        settle().await;
        assert_eq!(fixture.stats().viewers, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_gone_is_complete_too() {
    let fixture = ended("starting").await;
    let mut first = fixture.live().await;
    fixture.store.inner().delete_job(&fixture.job);
    assert_eq!(first.rest().await, [Event::done("deleted")]);
    assert!(open(&fixture, back(5)).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_a_cursor_learns_how_the_job_has_ended() {
    let fixture = ended("ready").await;
    for start in [Start::After(id(5)), Start::AfterTime(id(5)), Start::Live] {
        let viewer = open(&fixture, start).await.unwrap();
        assert_eq!(Client::new(viewer).rest().await, [Event::done("ready")]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_and_lacks_something_gets_all_of_it() {
    let fixture = ended("ready").await;
    let viewer = open(&fixture, back(3)).await.unwrap();
    assert_eq!(viewer.position(), id(3), "the client has had no line yet");
    let mut client = Client::new(viewer);
    let expected = events([lines(4..=5), vec![Event::done("ready")]]);
    assert_eq!(client.rest().await, expected);
    // A cursor that the log never had: a gap, and the next time it has everything.
    let mut beyond = Client::new(open(&fixture, back(9)).await.unwrap());
    assert_eq!(
        beyond.rest().await,
        [Event::gap(9, None), Event::done("ready")]
    );
    assert_eq!(beyond.cursor(), Some(id(5)));
    assert!(open(&fixture, back(5)).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_comes_within_the_quiet_period_is_not_missed() {
    let fixture = ended("ready").await;
    let (opened, ()) = tokio::join!(open(&fixture, back(5)), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fixture.write(6..=6);
    });
    let rest = Client::new(opened.unwrap()).rest().await;
    assert_eq!(rest, events([lines(6..=6), vec![Event::done("ready")]]));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_no_news_and_a_long_quiet_period_is_waited_for() {
    let fixture = Fixture::with(|options| {
        options.heartbeat = Duration::from_secs(1);
        options.end_quiet = Duration::from_secs(4);
    });
    let fixture = fixture.await;
    fixture.write(1..=5);
    fixture.set_status("ready");
    assert!(open(&fixture, back(5)).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_gets_a_stream_at_once() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    let begin = tokio::time::Instant::now();
    let mut client = Client::new(open(&fixture, back(5)).await.unwrap());
    assert_eq!(begin.elapsed(), Duration::ZERO);
    fixture.write(6..=6);
    assert_eq!(client.now().await, lines(6..=6));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_during_an_outage_is_not_sent_away() {
    let fixture = ended("ready").await;
    let _watching = fixture.live().await;
    settle().await;
    fixture.store.faults().cut();
    // The caller has read the status before the outage.
    let viewer = open(&fixture, back(4).has_ended(true)).await.unwrap();
    fixture.store.faults().mend();
    let rest = Client::new(viewer).rest().await;
    assert_eq!(rest, events([lines(5..=5), vec![Event::done("ready")]]));
    fixture.store.faults().cut();
    let asked = fixture.hub.open(&fixture.job, back(4)).await;
    assert!(
        asked.is_err(),
        "the hub cannot know whether the job has ended"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_during_a_drain_is_broken_off_and_not_sent_away() {
    let fixture = ended("ready").await;
    fixture.hub.drain(Duration::ZERO).await;
    let mut client = Client::new(open(&fixture, back(5)).await.unwrap());
    assert!(matches!(client.rest().await[..], [Event::BrokenOff(_)]));
    assert_eq!(client.cursor(), Some(id(5)));
}

#[test]
fn only_last_event_id_says_that_a_client_came_back() {
    let cursor = Some(id(3));
    let after = Start::After(id(3));
    assert_eq!(
        Opening::from_request(cursor, None, true),
        Opening::new(after).came_back(true)
    );
    assert_eq!(
        Opening::from_request(None, cursor, true),
        Opening::from(after)
    );
    let whole = Start::After(EntryId::ZERO);
    assert_eq!(
        Opening::from_request(None, None, true),
        Opening::from(whole)
    );
}
