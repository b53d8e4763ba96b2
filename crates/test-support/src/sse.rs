//! Reads a live stream, and tells how it ended.

use std::collections::VecDeque;
use std::time::Duration;

use log_wire::sse::{Decoder, Event, RawEvent};
use tokio::time::{Instant, timeout_at};

use crate::http::{Body, BodyEnd, Request, Response};

/// Reads the events of one response. Dropping it closes the connection, like a viewer that leaves.
#[derive(Debug)]
pub struct SseReader {
    /// The status of the response.
    pub status: u16,
    /// The headers of the response, in their order.
    pub headers: Vec<(String, String)>,
    body: Body,
    decoder: Decoder,
    ready: VecDeque<RawEvent>,
    raw: Vec<u8>,
}

impl SseReader {
    /// Sends a request and begins to read the answer.
    ///
    /// # Panics
    /// If the server cannot be reached or does not speak HTTP.
    pub async fn open(request: Request) -> Self {
        Self::from_response(request.open().await)
    }

    /// Reads the events of an answer that has been opened already.
    #[must_use]
    pub fn from_response(response: Response) -> Self {
        Self {
            status: response.status,
            headers: response.headers,
            body: response.body,
            decoder: Decoder::new(),
            ready: VecDeque::new(),
            raw: Vec::new(),
        }
    }

    /// The next event, or `None` at the end of the stream.
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
    /// If none comes in time, or if the stream ends.
    pub async fn expect(&mut self, within: Duration) -> RawEvent {
        let next = timeout_at(Instant::now() + within, self.next()).await;
        let next = next.unwrap_or_else(|_| panic!("no event within {within:?}"));
        next.unwrap_or_else(|| panic!("the stream ended: {:?}", self.end()))
    }

    /// The next event that is not a heartbeat, decoded.
    ///
    /// # Panics
    /// If none comes in time, if the stream ends, or if an event cannot be decoded.
    pub async fn expect_event(&mut self, within: Duration) -> Event {
        let end = Instant::now() + within;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            let event = Event::from_raw(&self.expect(rest).await).expect("a well-formed event");
            if event != Event::Heartbeat {
                return event;
            }
        }
    }

    /// All events until the end of the stream, without heartbeats.
    ///
    /// # Panics
    /// If the stream does not end in time, or if an event cannot be decoded.
    pub async fn rest(&mut self, within: Duration) -> Vec<Event> {
        let end = Instant::now() + within;
        let mut events = Vec::new();
        loop {
            let next = timeout_at(end, self.next()).await;
            let next =
                next.unwrap_or_else(|_| panic!("no end within {within:?}, after {events:?}"));
            let Some(raw) = next else { return events };
            let event = Event::from_raw(&raw).expect("a well-formed event");
            if event != Event::Heartbeat {
                events.push(event);
            }
        }
    }

    /// How the stream ended; `None` while it goes on.
    #[must_use]
    pub const fn end(&self) -> Option<BodyEnd> {
        self.body.end()
    }

    /// The `Last-Event-ID` that a client would send now.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The value of the last `retry:`, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.decoder.retry_ms()
    }

    /// All bytes of the body that have been read so far.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }
}
