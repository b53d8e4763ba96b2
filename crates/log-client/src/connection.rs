//! One open stream: bytes to events, with a deadline on silence.

use std::collections::VecDeque;
use std::time::Duration;

use log_wire::sse::{Decoder, RawEvent};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::error::Trouble;

/// A stream that was answered with 200.
#[derive(Debug)]
pub(crate) struct Connection {
    response: Response,
    decoder: Decoder,
    /// Decoded, and not handed out yet.
    events: VecDeque<RawEvent>,
    /// When it was opened.
    pub(crate) opened: Instant,
    /// When bytes came last, a heartbeat or not.
    heard: Instant,
}

impl Connection {
    pub(crate) fn new(response: Response) -> Self {
        let now = Instant::now();
        Self {
            response,
            decoder: Decoder::new(),
            events: VecDeque::new(),
            opened: now,
            heard: now,
        }
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(&mut self, silence: Duration) -> Result<RawEvent, Trouble> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let chunk = timeout_at(self.heard + silence, self.response.chunk()).await;
            match chunk {
                Err(_) => return Err(Trouble::Silent(silence)),
                Ok(Ok(Some(chunk))) => {
                    self.heard = Instant::now();
                    self.events.extend(self.decoder.feed(&chunk));
                }
                // A clean end without `done` is as little an end as any other.
                Ok(Ok(None) | Err(_)) => return Err(Trouble::BrokenOff),
            }
        }
    }

    /// The last event id that the stream gave, empty where it gave none.
    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// When the server wants the client to come back.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.decoder.retry_ms().map(Duration::from_millis)
    }
}
