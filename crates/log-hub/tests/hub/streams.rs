//! Viewers as streams: of bytes for the body of an answer, and of events.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use futures_core::Stream;
use log_domain::{EntryId, JobEnd, JobStatus, Start};
use log_hub::{BrokenOff, Event, Frames, Viewer};
use log_wire::sse::{self, Decoder};

use crate::fixture::{Fixture, id};

async fn viewer(fixture: &Fixture, start: Start) -> Viewer {
    let opened = fixture.hub.open(&fixture.job, start).await.unwrap();
    opened.into_viewer().unwrap()
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

/// The whole stream.
async fn all<S: Stream + Unpin>(mut stream: S) -> Vec<S::Item> {
    let mut items = Vec::new();
    while let Some(item) = next(&mut stream).await {
        items.push(item);
    }
    items
}

fn text(event: &Result<Event, BrokenOff>) -> String {
    match event {
        Ok(Event::Line(line)) => line.text.clone().unwrap(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn events_are_lines_gaps_heartbeats_and_the_end() {
    let fixture = Fixture::new().await;
    fixture.write(1..=5);
    fixture.trim_to(3);
    let mut events = viewer(&fixture, Start::After(id(1))).await.into_events();
    let gap = Event::Gap {
        after_id: id(1),
        first_id: Some(id(3)),
    };
    assert_eq!(next(&mut events).await, Some(Ok(gap)));
    for n in 3..=5 {
        let event = next(&mut events).await.unwrap();
        assert_eq!(text(&event), format!("line {n}"));
    }
    let heartbeat = Event::Heartbeat { position: id(5) };
    assert_eq!(next(&mut events).await, Some(Ok(heartbeat)));
    fixture.write(6..=6);
    fixture.set_status("failed");
    let rest = all(events).await;
    assert_eq!(text(&rest[0]), "line 6");
    let done = Event::Done {
        end: JobEnd::Status(JobStatus::FAILED),
        position: id(6),
    };
    assert_eq!(rest[1..], [Ok(done)]);
}

#[tokio::test(start_paused = true)]
async fn text_and_fields_of_a_line_come_as_they_were_written() {
    let fixture = Fixture::new().await;
    let line = log_store::NewLine {
        ts: Some("2026-01-01T00:00:00Z".into()),
        source: Some("stderr".into()),
        text: Some("a \"quoted\" \u{2028} \u{1b}[31mline\r50%\n".into()),
        phase: Some("checks".into()),
        ..log_store::NewLine::default()
    };
    fixture.store.inner().append_at(&fixture.job, id(1), &line);
    let mut events = viewer(&fixture, Start::After(EntryId::ZERO))
        .await
        .into_events();
    let Some(Ok(Event::Line(seen))) = next(&mut events).await else {
        panic!("a line was there")
    };
    assert_eq!(seen.id, id(1));
    let seen = (seen.ts, seen.source, seen.text, seen.phase);
    assert_eq!(seen, (line.ts, line.source, line.text, line.phase));
}

#[tokio::test(start_paused = true)]
async fn events_that_are_broken_off_end_with_an_error_that_has_the_cursor() {
    let fixture = Fixture::new().await;
    fixture.write(1..=2);
    let mut events = viewer(&fixture, Start::After(id(1))).await.into_events();
    assert_eq!(text(&next(&mut events).await.unwrap()), "line 2");
    fixture.hub.drain(Duration::ZERO).await;
    let rest = all(events).await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0].as_ref().unwrap_err().position, id(2));
}

/// The events of a body, and whether it was broken off.
async fn body(frames: Frames) -> (Vec<String>, bool) {
    let mut decoder = Decoder::new();
    let (mut events, mut is_broken) = (Vec::new(), false);
    for item in all(frames).await {
        assert!(!is_broken, "nothing comes after the error");
        match item {
            Ok(bytes) => events.extend(decoder.feed(&bytes).into_iter().map(|raw| raw.event)),
            Err(_) => is_broken = true,
        }
    }
    (events, is_broken)
}

#[tokio::test(start_paused = true)]
async fn a_body_begins_with_the_cursor_and_ends_cleanly_after_done_only() {
    let fixture = Fixture::new().await;
    fixture.write(1..=2);
    fixture.set_status("ready");
    let frames = viewer(&fixture, Start::After(id(1))).await.into_frames();
    let (events, is_broken) = body(frames).await;
    assert_eq!((events, is_broken), (words("heartbeat log done"), false));

    let fixture = Fixture::new().await;
    let frames = viewer(&fixture, Start::Live).await.into_frames();
    fixture.hub.drain(Duration::ZERO).await;
    let (events, is_broken) = body(frames).await;
    assert_eq!((events, is_broken), (words("heartbeat heartbeat"), true));
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn the_last_bytes_can_be_sent_before_the_body_breaks_off() {
    let fixture = Fixture::new().await;
    let mut frames = viewer(&fixture, Start::Live).await.into_frames();
    next(&mut frames).await.unwrap().unwrap();
    fixture.hub.drain(Duration::ZERO).await;
    let last = next(&mut frames).await.unwrap().unwrap();
    let mut decoder = Decoder::new();
    let raw = decoder.feed(&last);
    assert_eq!(
        sse::Event::from_raw(&raw[0]).unwrap(),
        sse::Event::Heartbeat
    );
    assert!(decoder.retry_ms().is_some(), "when to come back");
    let mut polled = |cx: &mut Context<'_>| Pin::new(&mut frames).poll_next(cx);
    // Once it has nothing, so that the layer below sends what it has; and it asks to be polled again.
    let first = poll_fn(|cx| Poll::Ready(polled(cx).is_pending())).await;
    assert!(first);
    assert!(next(&mut frames).await.unwrap().is_err());
    assert!(next(&mut frames).await.is_none());
}
