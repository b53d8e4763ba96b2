//! The live stream in other formats than `text/event-stream`: for `curl`, `jq` and scripts.
//!
//! The hub encodes a line once, as an event, for all its viewers. The few that want another format convert the events.

use std::borrow::Cow;

use serde::Deserialize;

use crate::sse::{Decoder, RawEvent};

/// The format of a live stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StreamFormat {
    /// `text/event-stream`.
    #[default]
    EventStream,
    /// `application/x-ndjson`: a line's object a line. Everything else is an object with `event`.
    Ndjson,
    /// `text/plain`: bare texts, and a sentence for each gap.
    Text,
}

impl StreamFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::EventStream, Self::Ndjson, Self::Text];

    /// The media type, without parameters.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::EventStream => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
            Self::Text => "text/plain",
        }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::EventStream | Self::Ndjson => self.media_type(),
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// Whether a client of this format can be told to come back. One that cannot must see a broken body.
    #[must_use]
    pub const fn has_reauth(self) -> bool {
        match self {
            Self::EventStream | Self::Ndjson => true,
            Self::Text => false,
        }
    }

    /// Converts whole events, as this crate encodes them.
    #[must_use]
    pub fn convert(self, events: &[u8]) -> Vec<u8> {
        let write = match self {
            Self::EventStream => return events.to_vec(),
            Self::Ndjson => write_ndjson,
            Self::Text => write_text,
        };
        let mut out = Vec::with_capacity(events.len());
        for event in Decoder::new().feed(events) {
            write(&mut out, &event);
        }
        out
    }
}

/// The data of an event is JSON on one line. That of a `log` is taken as it is; others get their name as the first field.
fn write_ndjson(out: &mut Vec<u8>, event: &RawEvent) {
    if event.event == "log" {
        out.extend_from_slice(event.data.as_bytes());
    } else {
        out.extend_from_slice(b"{\"event\":\"");
        // The names of our events need no escape.
        out.extend_from_slice(event.event.as_bytes());
        out.push(b'"');
        let fields = event.data.strip_prefix('{').unwrap_or("}");
        if fields != "}" {
            out.push(b',');
        }
        out.extend_from_slice(fields.as_bytes());
    }
    out.push(b'\n');
}

/// What the text of a `log` event is made of.
#[derive(Deserialize)]
struct LogData<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    /// The state of a line that has not ended. The line comes again as a whole.
    #[serde(default)]
    open: bool,
}

/// What the sentence of a gap is made of.
#[derive(Deserialize)]
struct GapData<'a> {
    after_id: &'a str,
    first_id: Option<&'a str>,
}

fn write_text(out: &mut Vec<u8>, event: &RawEvent) {
    let sentence = match event.event.as_str() {
        "log" => match serde_json::from_str::<LogData<'_>>(&event.data) {
            Ok(line) if line.open => return,
            Ok(line) => line.text.unwrap_or_default(),
            Err(_) => return,
        },
        "gap" => match serde_json::from_str::<GapData<'_>>(&event.data) {
            Ok(GapData { after_id, first_id }) => {
                let up_to = first_id.map_or_else(
                    || "no line after it is left".to_owned(),
                    |id| format!("the log goes on with {id}"),
                );
                format!("--- lines after {after_id} may be missing; {up_to} ---").into()
            }
            Err(_) => return,
        },
        _ => return,
    };
    out.extend_from_slice(sentence.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use log_domain::{EntryId, Gap, JobEnd, JobStatus, Line};

    use super::*;
    use crate::sse;

    fn line(seq: u64, text: Option<&str>) -> Line {
        Line {
            id: EntryId::new(1, seq),
            ts: None,
            source: Some("stdout".into()),
            text: text.map(Into::into),
            phase: None,
            open: false,
        }
    }

    /// Each kind of event once.
    fn events() -> Vec<u8> {
        let (mut out, at) = (Vec::new(), EntryId::new(9, 0));
        sse::write_heartbeat(&mut out, at);
        sse::write_log(&mut out, &line(1, Some("a: {\"b\"}\u{2028}\n")));
        sse::write_log(&mut out, &line(2, None));
        for first_id in [Some(EntryId::new(3, 0)), None] {
            let gap = Gap {
                after_id: EntryId::new(2, 0),
                first_id,
                resume_after: at,
            };
            sse::write_gap(&mut out, &gap);
        }
        sse::write_heartbeat_with_retry(&mut out, at, Duration::from_secs(1));
        sse::write_reauth(&mut out, at);
        sse::write_done(&mut out, &JobEnd::Status(JobStatus::FAILED), at);
        out
    }

    fn text(format: StreamFormat) -> String {
        String::from_utf8(format.convert(&events())).unwrap()
    }

    #[test]
    fn ndjson_has_an_object_for_each_event() {
        insta::assert_snapshot!(text(StreamFormat::Ndjson), @r#"
        {"event":"heartbeat"}
        {"id":"1-1","ts":null,"source":"stdout","text":"a: {\"b\"}\u2028\n","phase":null}
        {"id":"1-2","ts":null,"source":"stdout","text":null,"phase":null}
        {"event":"gap","after_id":"2-0","first_id":"3-0"}
        {"event":"gap","after_id":"2-0","first_id":null}
        {"event":"heartbeat"}
        {"event":"reauth","after_id":"9-0"}
        {"event":"done","status":"failed"}
        "#);
        for line in text(StreamFormat::Ndjson).lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }

    #[test]
    fn text_has_the_texts_and_the_gaps() {
        assert_eq!(
            text(StreamFormat::Text),
            "a: {\"b\"}\u{2028}\n\n\n\
             --- lines after 2-0 may be missing; the log goes on with 3-0 ---\n\
             --- lines after 2-0 may be missing; no line after it is left ---\n"
        );
    }

    #[test]
    fn text_shows_a_line_once_it_has_ended() {
        let open =
            "event: log\nid: 1-1\ndata: {\"id\":\"1-1\",\"text\":\"50 %\",\"open\":true}\n\n";
        assert_eq!(StreamFormat::Text.convert(open.as_bytes()), b"");
    }
}
