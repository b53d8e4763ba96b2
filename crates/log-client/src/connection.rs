//! One open event stream: turns bytes into events, and gives up when nothing comes for too long.

use std::collections::VecDeque;
use std::time::Duration;

use log_wire::sse::{Decoder, RawEvent};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::error::TransientError;

/// A stream that the server answered with 200.
#[derive(Debug)]
pub(crate) struct Connection {
    response: Response,
    decoder: Decoder,
    /// Decoded events that nobody has taken yet.
    events: VecDeque<RawEvent>,
    opened_at: Instant,
    /// When the last bytes came. A heartbeat counts.
    last_data_at: Instant,
}

impl Connection {
    pub(crate) fn new(response: Response) -> Self {
        let now = Instant::now();
        Self {
            response,
            decoder: Decoder::new(),
            events: VecDeque::new(),
            opened_at: now,
            last_data_at: now,
        }
    }

    /// The next event. Cancel-safe.
    pub(crate) async fn next(
        &mut self,
        idle_timeout: Duration,
    ) -> Result<RawEvent, TransientError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let deadline = self.last_data_at + idle_timeout;
            match timeout_at(deadline, self.response.chunk()).await {
                Err(_) => return Err(TransientError::Idle(idle_timeout)),
                Ok(Ok(Some(chunk))) => {
                    self.last_data_at = Instant::now();
                    self.events.extend(self.decoder.feed(&chunk));
                }
                // A body that ends cleanly but without `done` is not the end of the log either.
                Ok(Ok(None) | Err(_)) => return Err(TransientError::Disconnected),
            }
        }
    }

    /// How long ago the stream was opened.
    pub(crate) fn age(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// The last event id that the stream sent. Empty if it sent none.
    pub(crate) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The time after which the server wants the client to come back (`retry:`).
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.decoder.retry_ms().map(Duration::from_millis)
    }
}
