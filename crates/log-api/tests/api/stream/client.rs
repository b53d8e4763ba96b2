//! Clients of the live stream for tests, and a producer that writes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_domain::EntryId;
use log_wire::sse::Event;
use test_support::{BrowserClient, BrowserView, Request, SseReader};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::{Api, Job};

/// Long enough for everything that has no limit of its own in the contract.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// Opens a stream; `query` begins with `?` or is empty.
pub(crate) async fn follow(api: &Api, job: &Job, query: &str) -> SseReader {
    let reader = greeted(api.stream(job, query)).await;
    assert_eq!(reader.status, 200);
    reader
}

/// Opens a stream. Every stream begins with a heartbeat that has a cursor; it is checked here and not shown to the test.
async fn greeted(request: Request) -> SseReader {
    let mut reader = SseReader::open(request).await;
    if reader.status == 200 {
        let first = reader.expect(SOON).await;
        let event = (first.event.as_str(), first.data.as_str());
        assert_eq!(event, ("heartbeat", "{}"), "first of all");
        assert!(first.last_event_id.parse::<EntryId>().is_ok(), "{first:?}");
    }
    reader
}

/// Opens a stream as a client that reconnects with a cursor.
pub(crate) async fn resume(api: &Api, job: &Job, cursor: &str) -> SseReader {
    let reader = try_resume(api, job, cursor).await;
    assert_eq!(reader.status, 200);
    reader
}

/// Like [`resume`], for any status of the answer.
pub(crate) async fn try_resume(api: &Api, job: &Job, cursor: &str) -> SseReader {
    greeted(api.stream(job, "").header("Last-Event-ID", cursor)).await
}

/// Opens a stream as the browser client that exists today.
pub(crate) async fn browse(api: &Api, job: &Job) -> BrowserClient {
    BrowserClient::open(api.stream(job, "")).await.unwrap()
}

/// The texts of the next lines. Any event between them fails the test, except heartbeats.
pub(crate) async fn texts(reader: &mut SseReader, lines: usize) -> Vec<String> {
    texts_within(reader, lines, SOON).await
}

/// Like [`texts`], within this time.
pub(crate) async fn texts_within(
    reader: &mut SseReader,
    lines: usize,
    within: Duration,
) -> Vec<String> {
    let end = Instant::now() + within;
    let mut texts = Vec::with_capacity(lines);
    while texts.len() < lines {
        match reader
            .expect_event(end.saturating_duration_since(Instant::now()))
            .await
        {
            Event::Log(line) => texts.push(line.text.unwrap()),
            other => panic!("{other:?} after {} of {lines} lines", texts.len()),
        }
    }
    texts
}

/// The texts of everything up to the end, and the status of `done`.
pub(crate) async fn until_done(reader: &mut SseReader) -> (Vec<String>, String) {
    let mut events = reader.rest(SOON).await;
    let Some(Event::Done { end }) = events.pop() else {
        panic!("no `done` at the end, {:?}", reader.end());
    };
    assert_eq!(reader.end(), Some(test_support::BodyEnd::Whole));
    assert_blocks(reader);
    let text = |event: Event| match event {
        Event::Log(line) => line.text.unwrap(),
        other => panic!("{other:?} between the lines"),
    };
    (
        events.into_iter().map(text).collect(),
        end.as_str().to_owned(),
    )
}

/// Asserts that every block of a stream that has ended is an event with a cursor: clients take an event without an `id:` as
/// one without a cursor, and hand a block without `data:` out as an empty message.
pub(crate) fn assert_blocks(reader: &SseReader) {
    let raw = String::from_utf8(reader.raw().to_vec()).unwrap();
    for block in raw.split_terminator("\n\n") {
        let mut names: Vec<_> = block
            .lines()
            .filter_map(|line| line.split_once(": "))
            .collect();
        names.retain(|(name, _)| *name != "retry");
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["event", "id", "data"], "{block}");
        assert!(
            !block.replace('\n', "").contains(ends_python_line),
            "{block:?}"
        );
    }
}

/// Whether Python's `str.splitlines` ends a line at this character.
pub(crate) fn ends_python_line(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What the browser client has seen: the texts, and the status of `done`.
pub(crate) fn seen(view: &BrowserView) -> (Vec<String>, String) {
    let text = |line: &serde_json::Value| line["text"].as_str().unwrap().to_owned();
    assert_eq!(view.end, None, "stopped by itself, at `done`");
    (
        view.lines().iter().map(text).collect(),
        view.done().unwrap(),
    )
}

/// The next event that is not a heartbeat, and the cursor of a client that has seen it and nothing later.
pub(crate) async fn event_and_cursor(reader: &mut SseReader) -> (Event, String) {
    loop {
        let raw = reader.expect(SOON).await;
        let event = Event::from_raw(&raw).unwrap();
        if event != Event::Heartbeat {
            return (event, raw.last_event_id);
        }
    }
}

/// Asserts that only heartbeats come during this time.
pub(crate) async fn assert_silent(reader: &mut SseReader, during: Duration) {
    let event = tokio::time::timeout(during, reader.expect_event(SOON)).await;
    assert!(event.is_err(), "{event:?}");
}

/// A gap as a client reads it.
pub(crate) fn gap(after_id: &str, first_id: Option<&str>) -> Event {
    let id = |text: &str| text.parse::<EntryId>().unwrap();
    Event::Gap {
        after_id: id(after_id),
        first_id: first_id.map(id),
    }
}

/// `0` to `n - 1`, as the texts of lines.
pub(crate) fn numbered(lines: std::ops::Range<usize>) -> Vec<String> {
    lines.map(|n| n.to_string()).collect()
}

/// Writes numbered lines, one after the other, until it is told to stop.
pub(crate) struct Producer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<String>>,
}

impl Producer {
    /// Begins to write, with a pause between two lines. In an outage it tries again until Redis has acknowledged the line.
    pub(crate) fn start(job: &Arc<Job>, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (job, stopped) = (job.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut ids = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                ids.push(job.append(&ids.len().to_string()).await);
                sleep(pause).await;
            }
            ids
        });
        Self { stop, task }
    }

    /// Stops writing, and returns the ids of the lines.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}
