//! The only shapes a client sees: REST bodies, SSE frames and errors.
//!
//! Domain types carry no serde; the conversions to and from what goes over the wire are here,
//! explicit, and shared by the server, the terminal client and the tests.
//!
//! **Invariant:** no other crate writes an `event:` line or names a field of a JSON answer.
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
//! };
//! let mut frame = Vec::new();
//! sse::write_log(&mut frame, &line);
//!
//! let mut decoder = Decoder::new();
//! let events = decoder.feed(&frame);
//! assert_eq!(Event::of(&events[0])?, Event::Log(line));
//! # Ok::<(), log_wire::sse::EventError>(())
//! ```

mod error_code;
mod rest;
pub mod sse;

pub use error_code::{ErrorCode, ProblemBody};
pub use rest::{LineBody, LineBodyError, PageBody, line_json, page_json};
