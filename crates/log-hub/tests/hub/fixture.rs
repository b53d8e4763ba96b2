//! What every test begins with: a store, a hub, one job, and clients that read frames as a browser does.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, Start, UserId};
use log_hub::{Hub, HubOptions, HubStats, Next, Viewer};
use log_store::{FaultyStore, JobWrites, LogStore, MemoryStore, NewJob, NewLine, StoreError};
use log_wire::sse::{self, Decoder};
use tokio::time::{Instant, timeout_at};

/// Long enough for everything that needs no clock; on a paused clock it passes when all tasks wait.
pub(crate) const MOMENT: Duration = Duration::from_millis(1);

/// Longer than anything a test waits for.
const PATIENCE: Duration = Duration::from_secs(3600);

pub(crate) const fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

pub(crate) fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

/// A store with faults, a hub over it, and one job that runs.
pub(crate) struct Fixture {
    pub(crate) store: FaultyStore<MemoryStore>,
    pub(crate) hub: Hub,
    pub(crate) job: JobId,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With other options than the default ones.
    pub(crate) async fn with(change: impl FnOnce(&mut HubOptions)) -> Self {
        let store = FaultyStore::new(MemoryStore::new());
        Self::over(Arc::new(store.clone()), store, change).await
    }

    /// With a store of lines of the test's own, around `store`.
    pub(crate) async fn over(
        lines: Arc<dyn LogStore>,
        store: FaultyStore<MemoryStore>,
        change: impl FnOnce(&mut HubOptions),
    ) -> Self {
        let mut options = HubOptions::default();
        change(&mut options);
        let hub = Hub::new(lines, Arc::new(store.clone()), options).unwrap();
        let job = job("job-1");
        create(store.inner(), &job).await;
        Self { store, hub, job }
    }

    /// Appends the lines `n-0`, whether the store can be reached or not.
    pub(crate) fn write(&self, lines: RangeInclusive<u64>) {
        for n in lines {
            let line = NewLine {
                text: Some(format!("line {n}")),
                ..NewLine::default()
            };
            self.store.inner().append_at(&self.job, id(n), &line);
        }
    }

    pub(crate) fn set_status(&self, status: &str) {
        self.store.inner().set_status_raw(&self.job, Some(status));
    }

    pub(crate) fn trim_to(&self, keep: usize) {
        self.store.inner().trim_to(&self.job, keep);
    }

    pub(crate) fn delete_log(&self) {
        self.store.inner().delete_log(&self.job);
    }

    /// Opens a live-only client.
    pub(crate) async fn live(&self) -> Client {
        self.open(Start::Live).await.unwrap()
    }

    /// Opens a client after the line `n-0`.
    pub(crate) async fn after(&self, n: u64) -> Client {
        self.open(Start::After(id(n))).await.unwrap()
    }

    pub(crate) async fn open(&self, start: Start) -> Result<Client, StoreError> {
        let opened = self.hub.open(&self.job, start).await?;
        Ok(Client::new(opened.into_viewer().unwrap()))
    }

    pub(crate) fn stats(&self) -> HubStats {
        self.hub.stats()
    }
}

/// Creates a job.
pub(crate) async fn create(store: &MemoryStore, job: &JobId) {
    let new = NewJob::new(UserId::new("user_1").unwrap(), SystemTime::now());
    store.create(job, &new).await.unwrap();
}

/// Lets every task run until all wait.
pub(crate) async fn settle() {
    tokio::time::sleep(MOMENT).await;
}

/// What a client reads. Lines are numbered by the first half of their id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Line(u64),
    Gap {
        after: u64,
        first: Option<u64>,
    },
    Heartbeat,
    Done(String),
    /// Broken off, with the `retry:` of the heartbeat before it.
    BrokenOff(Duration),
}

impl Event {
    pub(crate) fn done(status: &str) -> Self {
        Self::Done(status.into())
    }

    pub(crate) fn gap(after: u64, first: impl Into<Option<u64>>) -> Self {
        let first = first.into();
        Self::Gap { after, first }
    }

    fn from_raw(raw: &sse::RawEvent) -> Self {
        match sse::Event::from_raw(raw).unwrap() {
            sse::Event::Log(line) => {
                assert_eq!(line.id.to_string(), raw.last_event_id, "the id of a line");
                Self::Line(line.id.ms())
            }
            sse::Event::Gap { after_id, first_id } => {
                Self::gap(after_id.ms(), first_id.map(EntryId::ms))
            }
            sse::Event::Heartbeat => Self::Heartbeat,
            sse::Event::Done { end } => Self::Done(end.as_str().to_owned()),
            event => panic!("not one of the hub: {event:?}"),
        }
    }

    fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::BrokenOff(_))
    }
}

/// The events of the lines of a range.
pub(crate) fn lines(range: RangeInclusive<u64>) -> Vec<Event> {
    range.map(Event::Line).collect()
}

/// Several runs of events, one after the other.
pub(crate) fn events<const N: usize>(runs: [Vec<Event>; N]) -> Vec<Event> {
    runs.concat()
}

/// A client at the other end of a viewer.
pub(crate) struct Client {
    pub(crate) viewer: Viewer,
    decoder: Decoder,
}

impl Client {
    pub(crate) fn new(viewer: Viewer) -> Self {
        Self {
            viewer,
            decoder: Decoder::new(),
        }
    }

    /// The events of the next piece of the stream.
    pub(crate) async fn next(&mut self) -> Vec<Event> {
        let events = self.next_with_cursors().await;
        events.into_iter().map(|(event, _)| event).collect()
    }

    /// The events of the next piece of the stream, each with the cursor that the client has after it.
    pub(crate) async fn next_with_cursors(&mut self) -> Vec<(Event, Option<EntryId>)> {
        let next = self.viewer.next().await;
        self.read(&next)
    }

    /// What the viewer hands out within a time; less where the stream ends before.
    pub(crate) async fn during(&mut self, time: Duration) -> Vec<Event> {
        let until = Instant::now() + time;
        let mut events = Vec::new();
        while !events.last().is_some_and(Event::is_last)
            && let Ok(next) = timeout_at(until, self.next()).await
        {
            events.extend(next);
        }
        events
    }

    /// What the viewer hands out without any time passing.
    pub(crate) async fn now(&mut self) -> Vec<Event> {
        self.during(MOMENT).await
    }

    /// Everything up to the end of the stream.
    pub(crate) async fn rest(&mut self) -> Vec<Event> {
        let events = self.during(PATIENCE).await;
        let is_over = events.last().is_some_and(Event::is_last);
        assert!(is_over, "no end after {:?}", events.last());
        events
    }

    /// Gives the client the cursor that it has come back with.
    pub(crate) fn set_cursor(&mut self, cursor: EntryId) {
        self.decoder.feed(format!("id: {cursor}\n\n").as_bytes());
    }

    /// The cursor the client would come back with; `None` where it has none.
    pub(crate) fn cursor(&self) -> Option<EntryId> {
        self.decoder.last_event_id().parse().ok()
    }

    fn read(&mut self, next: &Next) -> Vec<(Event, Option<EntryId>)> {
        let (Next::Frames(bytes) | Next::Done(bytes) | Next::BrokenOff(bytes)) = next;
        let raw = self.decoder.feed(bytes);
        let mut events: Vec<_> = raw
            .iter()
            .map(|raw| (Event::from_raw(raw), raw.last_event_id.parse().ok()))
            .collect();
        if matches!(next, Next::BrokenOff(_)) {
            let heartbeat = events.pop().map(|(event, _)| event);
            assert_eq!(heartbeat, Some(Event::Heartbeat), "with the `retry:`");
            let retry = self.decoder.retry_ms().unwrap();
            let event = Event::BrokenOff(Duration::from_millis(retry));
            events.push((event, self.cursor()));
        }
        let done = events
            .iter()
            .any(|(event, _)| matches!(event, Event::Done(_)));
        assert_eq!(
            done,
            matches!(next, Next::Done(_)),
            "done is the last piece"
        );
        events
    }
}
