//! Everything that a client sees: the JSON of pages and lines, the events of the live stream, and errors.
//!
//! The types of `log-domain` know nothing of JSON. This crate converts them to what is sent, and back. The server, the
//! terminal client and the tests share these conversions.
//!
//! **Invariant:** no other crate writes an `event:` line or the name of a field of a JSON answer.
//!
//! ```
//! use log_domain::{EntryId, Line};
//! use log_wire::sse::{self, Decoder, Event};
//!
//! let line = Line {
//!     id: EntryId::new(1700000000000, 0),
//!     ts: None,
//!     source: Some("stdout".into()),
//!     text: Some("Compiling\r25%".into()),
//!     phase: None,
//!     open: false,
//! };
//! let mut frame = Vec::new();
//! sse::write_log(&mut frame, &line);
//!
//! let mut decoder = Decoder::new();
//! let events = decoder.feed(&frame);
//! assert_eq!(Event::from_raw(&events[0])?, Event::Log(line));
//! # Ok::<(), log_wire::sse::EventError>(())
//! ```

mod dev;
mod error_code;
mod job;
mod rest;
mod search;
pub mod sse;
mod stream_format;
mod text;
mod write;

pub use dev::{DEV_KEY, DEV_USER};
pub use error_code::{ErrorCode, ProblemBody, WriteProblem};
pub use job::StatusBody;
pub use rest::{PageBody, line_json, page_json};
pub use search::{SearchEnd, SearchEndReason, SearchEvent, SearchMatch, SearchProgress};
pub use stream_format::StreamFormat;
pub use write::{
    AppendedBody, CreateBody, CreatedBody, NewLineBody, ProducerBody, StepBody, SteppedBody,
};

/// The ids, lines, statuses and rules that are in the API of this crate. To use them, no dependency of your own is needed.
pub use log_domain;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
