//! A reader of a live stream that knows how it ended.

use std::collections::VecDeque;
use std::time::Duration;

use log_wire::sse::{Decoder, Event, RawEvent};
use tokio::time::{Instant, timeout_at};

use crate::http::{Body, BodyEnd, Request, Response};

/// Reads the events of one response. Dropping it closes the connection, as a viewer does that leaves.
#[derive(Debug)]
pub struct SseReader {
    /// The status of the response.
    pub status: u16,
    /// Its headers, in their order.
    pub headers: Vec<(String, String)>,
    body: Body,
    decoder: Decoder,
    ready: VecDeque<RawEvent>,
    raw: Vec<u8>,
}

impl SseReader {
    /// Sends a request and begins to read its answer.
    ///
    /// # Panics
    /// The server cannot be reached or answers no HTTP.
    pub async fn open(request: Request) -> Self {
        Self::of(request.open().await)
    }

    /// Reads the events of an answer.
    #[must_use]
    pub fn of(response: Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
            decoder: Decoder::new(),
            ready: VecDeque::new(),
            raw: Vec::new(),
        }
    }

    /// The next event, or `None` at the end.
    pub async fn next(&mut self) -> Option<RawEvent> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let piece = self.body.next().await?;
            self.ready.extend(self.decoder.feed(&piece));
            self.raw.extend(piece);
        }
    }

    /// The next event.
    ///
    /// # Panics
    /// None comes in time, or the stream ends.
    pub async fn expect(&mut self, within: Duration) -> RawEvent {
        let next = timeout_at(Instant::now() + within, self.next()).await;
        let next = next.unwrap_or_else(|_| panic!("no event within {within:?}"));
        next.unwrap_or_else(|| panic!("the stream ended: {:?}", self.end()))
    }

    /// The next event that is not a heartbeat, understood.
    ///
    /// # Panics
    /// None comes in time, the stream ends, or an event is not what its name promises.
    pub async fn expect_event(&mut self, within: Duration) -> Event {
        let end = Instant::now() + within;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            let event = Event::of(&self.expect(rest).await).expect("a well-formed event");
            if event != Event::Heartbeat {
                return event;
            }
        }
    }

    /// Everything until the end of the stream, heartbeats left out.
    ///
    /// # Panics
    /// The stream does not end in time, or an event is not what its name promises.
    pub async fn rest(&mut self, within: Duration) -> Vec<Event> {
        let end = Instant::now() + within;
        let mut events = Vec::new();
        loop {
            let next = timeout_at(end, self.next()).await;
            let next =
                next.unwrap_or_else(|_| panic!("no end within {within:?}, after {events:?}"));
            let Some(raw) = next else { return events };
            let event = Event::of(&raw).expect("a well-formed event");
            if event != Event::Heartbeat {
                events.push(event);
            }
        }
    }

    /// How the stream ended, once it has.
    #[must_use]
    pub const fn end(&self) -> Option<BodyEnd> {
        self.body.end()
    }

    /// What a client would send as `Last-Event-ID` now.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The last `retry:`, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.decoder.retry_ms()
    }

    /// All bytes of the body so far.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}
