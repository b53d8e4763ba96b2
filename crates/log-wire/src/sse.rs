//! The events of the live stream: encoding for the server, decoding for clients and tests.
//!
//! The format is `text/event-stream` of the WHATWG HTML standard. Data is always JSON on one line, so text from outside
//! can neither end a line nor begin a field.

mod decode;
mod encode;

pub use decode::{Decoder, RawEvent};
pub use encode::{
    write_done, write_gap, write_heartbeat, write_heartbeat_with_retry, write_log, write_reauth,
};

use log_domain::{EntryId, JobEnd, Line};
use serde::Deserialize;

use crate::rest::ReadLine;

/// An event of the live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// One line of the log.
    Log(Line),
    /// Nothing new; the stream is alive.
    Heartbeat,
    /// Lines may be missing here.
    Gap {
        /// The reader's position before the gap.
        after_id: EntryId,
        /// The first line after it that is still there.
        first_id: Option<EntryId>,
    },
    /// The last event: the job has ended and every line has been sent.
    Done {
        /// How the job ended.
        end: JobEnd,
    },
    /// The stream ends here. The client can come back with a fresh token and this cursor.
    Reauth {
        /// The reader's position.
        after_id: EntryId,
    },
    /// An event that this version does not know. It is to be ignored.
    Other(String),
}

/// The data of an event does not fit its name.
#[derive(Debug, thiserror::Error)]
#[error("the data of a `{event}` event cannot be read: {reason}")]
pub struct EventError {
    event: String,
    reason: String,
}

#[derive(Deserialize)]
struct GapData {
    #[serde(with = "crate::text")]
    after_id: EntryId,
    #[serde(with = "crate::text::or_null", default)]
    first_id: Option<EntryId>,
}

#[derive(Deserialize)]
struct ReauthData {
    #[serde(with = "crate::text")]
    after_id: EntryId,
}

#[derive(Deserialize)]
struct DoneData {
    status: String,
}

impl Event {
    /// Reads an event that was decoded.
    ///
    /// # Errors
    /// The data of a known event is not the JSON that it must be.
    pub fn from_raw(raw: &RawEvent) -> Result<Self, EventError> {
        let fail = |reason: String| EventError {
            event: raw.event.clone(),
            reason,
        };
        match raw.event.as_str() {
            "log" => {
                let ReadLine(line) = json(&raw.data).map_err(fail)?;
                Ok(Self::Log(line))
            }
            "heartbeat" => Ok(Self::Heartbeat),
            "gap" => {
                let GapData { after_id, first_id } = json(&raw.data).map_err(fail)?;
                Ok(Self::Gap { after_id, first_id })
            }
            "done" => {
                let DoneData { status } = json(&raw.data).map_err(fail)?;
                let end = JobEnd::from_word(&status);
                Ok(Self::Done { end })
            }
            "reauth" => {
                let ReauthData { after_id } = json(&raw.data).map_err(fail)?;
                Ok(Self::Reauth { after_id })
            }
            other => Ok(Self::Other(other.into())),
        }
    }
}

fn json<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
