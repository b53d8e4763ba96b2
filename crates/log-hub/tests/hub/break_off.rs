//! Draining: all viewers are broken off, new ones too.

use std::time::Duration;

use log_domain::Start;
use log_hub::Hub;
use tokio::time::{Instant, sleep};

use crate::controlled_store::ControlledStore;
use crate::fixture::{Client, Event, Fixture, id, lines, settle};

const WINDOW: Duration = Duration::from_secs(2);

fn drain(hub: &Hub) -> tokio::task::JoinHandle<()> {
    let hub = hub.clone();
    tokio::spawn(async move { hub.drain(WINDOW).await })
}

/// When each client was broken off, counted from now.
async fn broken_off(clients: Vec<Client>) -> Vec<(Duration, Duration)> {
    let begin = Instant::now();
    let tasks: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                let Some(Event::BrokenOff(retry)) = client.rest().await.pop() else {
                    panic!("not broken off")
                };
                (begin.elapsed(), retry)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    all
}

#[tokio::test(start_paused = true)]
async fn all_viewers_are_broken_off_within_the_window_and_spread_over_it() {
    let fixture = Fixture::new().await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(fixture.live().await);
    }
    settle().await;
    let draining = drain(&fixture.hub);
    let all = broken_off(clients).await;
    for (when, retry) in &all {
        assert!(*when <= WINDOW, "{when:?}");
        assert!(*retry >= Duration::from_secs(1) && *retry < Duration::from_secs(5));
    }
    for quarter in 0..4 {
        let within =
            |when: &Duration| *when > WINDOW * quarter / 4 && *when <= WINDOW * (quarter + 1) / 4;
        let n = all.iter().filter(|(when, _)| within(when)).count();
        assert!((30..=70).contains(&n), "{n} of 200 in quarter {quarter}");
    }
    let mut retries: Vec<_> = all.iter().map(|(_, retry)| *retry).collect();
    retries.sort();
    retries.dedup();
    assert!(
        retries.len() > 100,
        "the times after which they come back are spread too"
    );
    draining.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_comes_during_a_drain_or_later_is_broken_off_with_its_cursor() {
    let fixture = Fixture::new().await;
    fixture.write(1..=3);
    let _client = fixture.live().await;
    let draining = drain(&fixture.hub);
    tokio::task::yield_now().await;
    let open_both = async |when: &str| {
        for (start, cursor) in [(Start::Live, id(3)), (Start::After(id(1)), id(1))] {
            let mut client = fixture.open(start).await.unwrap();
            let events = client.now().await;
            assert!(
                matches!(events[..], [Event::BrokenOff(_)]),
                "{when}: {events:?}"
            );
            assert_eq!(client.cursor(), Some(cursor), "{when}");
        }
    };
    open_both("during the drain").await;
    draining.await.unwrap();
    open_both("after the drain").await;
    settle().await;
    assert_eq!(fixture.stats().feeds, 0, "nothing is left running");
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_is_being_opened_when_a_drain_begins_is_broken_off() {
    let fixture = Fixture::new().await;
    fixture.store.faults().set_latency(Duration::from_secs(1));
    let opening = tokio::spawn({
        let (hub, job) = (fixture.hub.clone(), fixture.job.clone());
        async move { hub.open(&job, Start::Live).await.unwrap() }
    });
    sleep(Duration::from_millis(500)).await;
    let draining = drain(&fixture.hub);
    let mut client = Client::new(opening.await.unwrap().into_viewer().unwrap());
    assert!(matches!(client.rest().await[..], [Event::BrokenOff(_)]));
    draining.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_empty_hub_is_drained_at_once() {
    let fixture = Fixture::new().await;
    let begin = Instant::now();
    fixture.hub.drain(WINDOW).await;
    assert!(begin.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_drain_without_a_window_breaks_all_off_at_once() {
    let fixture = Fixture::new().await;
    let mut clients = [fixture.live().await, fixture.live().await];
    fixture.hub.drain(Duration::ZERO).await;
    for client in &mut clients {
        assert!(matches!(client.now().await[..], [Event::BrokenOff(_)]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_catches_up_is_broken_off_between_two_reads() {
    let fixture = Fixture::with(|options| options.read.lines = 10).await;
    fixture.write(1..=10_000);
    let mut client = fixture.after(0).await;
    assert_eq!(client.next().await, lines(1..=10));
    fixture.hub.drain(Duration::ZERO).await;
    let rest = client.rest().await;
    assert!(rest.len() <= 11, "{} events", rest.len());
    // With its cursor it can go on at another server.
    assert_eq!(client.cursor(), Some(id(rest.len() as u64 + 9)));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_in_the_middle_of_a_read_is_broken_off_at_once() {
    let (fixture, controls) = ControlledStore::fixture(|_| ()).await;
    fixture.write(1..=3);
    controls.hold_answers(true);
    let mut client = fixture.after(0).await;
    assert_eq!(client.now().await, []);
    fixture.hub.drain(Duration::ZERO).await;
    assert!(matches!(client.now().await[..], [Event::BrokenOff(_)]));
}

#[tokio::test(start_paused = true)]
async fn a_slow_viewer_of_a_log_that_has_ended_is_broken_off_too() {
    let (fixture, controls) = ControlledStore::fixture(|options| options.feed_bytes = 1).await;
    fixture.write(1..=3);
    controls.hold_answers(true);
    let mut slow = fixture.after(0).await;
    assert_eq!(slow.now().await, []);
    fixture.set_status("ready");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(fixture.stats().feeds, 0);
    fixture.hub.drain(WINDOW).await;
    assert!(matches!(slow.now().await[..], [Event::BrokenOff(_)]));
}
