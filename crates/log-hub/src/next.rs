//! What viewers hand out.

use std::time::Duration;

use bytes::Bytes;
use log_domain::EntryId;
use log_wire::sse;

use crate::feed::End;

/// A client that is broken off comes back after this long, spread so that not all do at once.
const RETRY_MS: std::ops::Range<u64> = 1_000..5_000;

/// What a viewer hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Whole SSE frames; more may follow.
    Frames(Bytes),
    /// The last frames: the log has ended and every line was handed out. End the body cleanly.
    Done(Bytes),
    /// A `retry:` field, after which the body must be **broken off**, not ended: the job goes on elsewhere.
    BrokenOff(Bytes),
}

/// The last event. Its cursor is the end of the log.
pub(crate) fn done(end: End, at: EntryId) -> Next {
    let mut frame = Vec::new();
    sse::write_done(&mut frame, end.status, at);
    Next::Done(frame.into())
}

/// The end of a stream that is not complete.
pub(crate) fn break_off() -> Next {
    let mut frame = Vec::new();
    sse::write_retry(&mut frame, Duration::from_millis(fastrand::u64(RETRY_MS)));
    Next::BrokenOff(frame.into())
}
