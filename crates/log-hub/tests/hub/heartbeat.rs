//! Heartbeats.

use std::time::Duration;

use log_hub::Next;
use tokio::time::{Instant, sleep};

use crate::fixture::{Event, Fixture, id, lines, settle};

#[tokio::test(start_paused = true)]
async fn a_heartbeat_comes_after_the_configured_silence_and_at_most_a_quarter_later() {
    for (secs, age_ms) in [
        (20, 0),
        (20, 37_651),
        (1, 333),
        (1, 970),
        (30, 12_345),
        (7, 90),
    ] {
        let heartbeat = Duration::from_secs(secs);
        let fixture = Fixture::with(|options| options.heartbeat = heartbeat).await;
        sleep(Duration::from_millis(age_ms)).await;
        let mut client = fixture.live().await;
        for _ in 0..5 {
            let begin = Instant::now();
            assert_eq!(client.next().await, [Event::Heartbeat]);
            let silence = begin.elapsed();
            assert!(silence >= heartbeat, "{silence:?} of {heartbeat:?}");
            assert!(silence <= heartbeat * 5 / 4, "{silence:?} of {heartbeat:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn output_postpones_the_heartbeat() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    for n in 1..=10 {
        assert_eq!(client.during(Duration::from_secs(15)).await, []);
        fixture.write(n..=n);
        assert_eq!(client.next().await, lines(n..=n));
    }
    let begin = Instant::now();
    assert_eq!(client.next().await, [Event::Heartbeat]);
    assert!(begin.elapsed() >= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_carries_the_position() {
    let fixture = Fixture::new().await;
    fixture.write(1..=4);
    let mut client = fixture.live().await;
    assert_eq!(client.cursor(), None);
    assert_eq!(client.next().await, [Event::Heartbeat]);
    assert_eq!(client.cursor(), Some(id(4)), "before the first line too");
    fixture.write(5..=5);
    assert_eq!(client.next().await, lines(5..=5));
    let Next::Frames(frame) = client.viewer.next().await else {
        panic!("the stream has not ended")
    };
    assert_eq!(&frame[..], b"event: heartbeat\nid: 5-0\ndata: {}\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_was_away_gets_its_lines_and_no_heartbeat() {
    let fixture = Fixture::new().await;
    let mut client = fixture.live().await;
    assert_eq!(client.now().await, []);
    sleep(Duration::from_secs(100)).await;
    fixture.write(1..=1);
    settle().await;
    assert_eq!(client.during(Duration::from_secs(15)).await, lines(1..=1));
}
