//! The existing browser client, as the wire contract describes it.
//!
//! It reads the body with `fetch()`, splits on a blank line (`\n\n`, never `\r\n`), takes one `event:` and one `data:`
//! line from each block, ignores other fields and events, and stops at `done`. It gives up after an answer that is not
//! 2xx. It never reconnects and sends no cursor.

use std::time::Duration;

use tokio::time::timeout;

use crate::http::{Body, BodyEnd, Request};

/// Behaves like the existing browser client.
#[derive(Debug)]
pub struct BrowserClient {
    body: Body,
    text: String,
    /// The first bytes of a character whose other bytes have not arrived yet.
    partial: Vec<u8>,
}

/// One block of the body, as this client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserEvent {
    /// The value of the `event:` line.
    pub event: String,
    /// The value of the `data:` line.
    pub data: String,
}

/// What this client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserView {
    /// The events `log` and `done`, in the order of the stream.
    pub events: Vec<BrowserEvent>,
    /// How the body ended; `None` if the client stopped by itself, at `done`.
    pub end: Option<BodyEnd>,
}

impl BrowserView {
    /// The data of all `log` events, as JSON.
    ///
    /// # Panics
    /// If one is not JSON.
    #[must_use]
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let logs = self.events.iter().filter(|event| event.event == "log");
        logs.map(|log| serde_json::from_str(&log.data).expect("JSON"))
            .collect()
    }

    /// The status of `done`, if there was one.
    ///
    /// # Panics
    /// If its data is not JSON.
    #[must_use]
    pub fn done(&self) -> Option<String> {
        let done = self.events.iter().find(|event| event.event == "done")?;
        let data: serde_json::Value = serde_json::from_str(&done.data).expect("JSON");
        data["status"].as_str().map(str::to_owned)
    }
}

impl BrowserClient {
    /// Sends the request.
    ///
    /// # Errors
    /// The status of the answer, if it is not 2xx.
    ///
    /// # Panics
    /// If the server cannot be reached.
    pub async fn open(request: Request) -> Result<Self, u16> {
        let response = request.open().await;
        if !(200..300).contains(&response.status) {
            return Err(response.status);
        }
        Ok(Self {
            body: response.body,
            text: String::new(),
            partial: Vec::new(),
        })
    }

    /// Reads until `done` or the end of the body.
    ///
    /// # Panics
    /// If neither comes in time.
    pub async fn read(mut self, within: Duration) -> BrowserView {
        let mut events = Vec::new();
        let reading = async {
            while let Some(event) = self.next().await {
                let done = event.event == "done";
                events.push(event);
                if done {
                    return None;
                }
            }
            self.body.end()
        };
        let end = timeout(within, reading).await;
        let end = end.unwrap_or_else(|_| panic!("neither `done` nor an end within {within:?}"));
        BrowserView { events, end }
    }

    /// The next `log` or `done`, or `None` at the end of the body.
    pub async fn next(&mut self) -> Option<BrowserEvent> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse_block(block);
                self.text = rest.to_owned();
                if let Some(event) = event
                    && matches!(event.event.as_str(), "log" | "done")
                {
                    return Some(event);
                }
            }
            let piece = self.body.next().await?;
            self.partial.extend(piece);
            // Like `TextDecoder` with `stream: true`: a character that is split over pieces waits for its last byte.
            let whole = match std::str::from_utf8(&self.partial) {
                Ok(text) => text.len(),
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                Err(_) => self.partial.len(),
            };
            let rest = self.partial.split_off(whole);
            self.text += &String::from_utf8_lossy(&self.partial);
            self.partial = rest;
        }
    }
}

fn parse_block(block: &str) -> Option<BrowserEvent> {
    let field = |name: &str| {
        let line = block.split('\n').find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    Some(BrowserEvent {
        event: field("event:")?,
        data: field("data:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_needs_an_event_and_a_data_line_and_may_have_others() {
        let block = "event: log\nid: 1-0\ndata: {\"a\":\" b\"}";
        let expected = BrowserEvent {
            event: "log".into(),
            data: "{\"a\":\" b\"}".into(),
        };
        assert_eq!(parse_block(block), Some(expected));
        assert_eq!(parse_block("retry: 100"), None);
        assert_eq!(
            parse_block("event: log\r\ndata: {}\r").unwrap().event,
            "log"
        );
    }
}
