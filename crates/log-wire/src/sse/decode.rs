//! Decodes a `text/event-stream` that comes in chunks of any size, as the WHATWG HTML standard says.

/// One event as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawEvent {
    /// The `event:` field; `message` if there was none.
    pub event: String,
    /// The `data:` lines, joined by newlines.
    pub data: String,
    /// The last `id:` of the stream up to this event; empty if there was none.
    pub last_event_id: String,
}

/// An incremental decoder. It keeps at most the event that has not ended yet.
///
/// Bytes that are not UTF-8 become U+FFFD. If a stream ends inside an event, that event is lost, as the standard says.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The bytes of a line that has not ended yet.
    line: Vec<u8>,
    /// Whether the last byte was a CR. An LF right after it belongs to it.
    after_cr: bool,
    /// Whether the first line is over. Only that line may have a byte order mark.
    after_first_line: bool,
    event: String,
    data: String,
    has_data: bool,
    last_event_id: String,
    retry_ms: Option<u64>,
}

impl Decoder {
    /// A decoder for the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The last `id:` field so far: what a client sends as `Last-Event-ID` when it reconnects. Unlike
    /// [`RawEvent::last_event_id`] it also counts blocks that carry no data.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The last `retry:` field so far, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// Takes the next bytes of the stream and returns the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<RawEvent> {
        let mut events = Vec::new();
        for &byte in bytes {
            if std::mem::take(&mut self.after_cr) && byte == b'\n' {
                continue;
            }
            match byte {
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.end_line(&line));
                    // The next line uses the same memory.
                    self.line = line;
                    self.line.clear();
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn end_line(&mut self, mut line: &[u8]) -> Option<RawEvent> {
        if !std::mem::replace(&mut self.after_first_line, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event = value.into(),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.last_event_id = value.into(),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            // Comments, which have an empty name, and fields that are not known.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<RawEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return None;
        }
        let event = if event.is_empty() {
            "message".into()
        } else {
            event
        };
        Some(RawEvent {
            event,
            data,
            last_event_id: self.last_event_id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(text: &str) -> Vec<RawEvent> {
        Decoder::new().feed(text.as_bytes())
    }

    fn event(event: &str, data: &str, id: &str) -> RawEvent {
        RawEvent {
            event: event.into(),
            data: data.into(),
            last_event_id: id.into(),
        }
    }

    #[test]
    fn all_three_line_ends_and_a_byte_order_mark_are_understood() {
        let expected = [event("a", "1\n2", "")];
        assert_eq!(decode("event: a\ndata: 1\ndata:2\n\n"), expected);
        assert_eq!(decode("event: a\r\ndata: 1\r\ndata:2\r\n\r\n"), expected);
        assert_eq!(decode("\u{feff}event: a\rdata: 1\rdata:2\r\r"), expected);
    }

    #[test]
    fn an_id_is_valid_until_the_next_even_if_its_block_has_no_data() {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.feed(b"id: 7\n\n"), []);
        assert_eq!(decoder.last_event_id(), "7");
        assert_eq!(decoder.feed(b"data: x\n\n"), [event("message", "x", "7")]);
        assert_eq!(
            decoder.feed(b"id: a\0b\ndata: y\n\n"),
            [event("message", "y", "7")]
        );
    }

    #[test]
    fn comments_unknown_fields_and_unfinished_events_are_ignored() {
        assert_eq!(
            decode(": ping\n\nfoo: bar\ndata\n\ndata: lost"),
            [event("message", "", "")]
        );
    }

    #[test]
    fn a_retry_is_no_event() {
        let mut decoder = Decoder::new();
        assert_eq!(decoder.feed(b"retry: 1500\n\nretry: soon\n\n"), []);
        assert_eq!(decoder.retry_ms(), Some(1500));
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            text in "(event: [a-z]{0,3}|data: ?[a-z]{0,4}|id: [0-9]|:|[\r\n]{1,3}|\r\n|\u{fffd}){0,40}",
            cut in 0_usize..200,
        ) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let whole = Decoder::new().feed(bytes);
            let mut decoder = Decoder::new();
            let mut parts = decoder.feed(&bytes[..cut]);
            parts.extend(decoder.feed(&bytes[cut..]));
            prop_assert_eq!(&whole, &parts);
            let mut decoder = Decoder::new();
            let single: Vec<_> = bytes.iter().flat_map(|b| decoder.feed(&[*b])).collect();
            prop_assert_eq!(&whole, &single);
        }
    }
}
