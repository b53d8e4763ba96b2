//! What viewers hand out.

use std::time::Duration;

use bytes::Bytes;
use log_domain::EntryId;
use log_wire::sse;

use crate::feed::FeedEnd;

/// A client whose stream is broken off comes back after this long. Spread, so that not all come back at once.
const RETRY_MS: std::ops::Range<u64> = 1_000..5_000;

/// What a viewer hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Whole SSE frames. More may follow.
    Frames(Bytes),
    /// The last frames: the log has ended and every line was handed out. End the body cleanly.
    Done(Bytes),
    /// A `heartbeat` with a `retry:`. After it the body must be **broken off**, not ended: the job goes on elsewhere.
    BrokenOff(Bytes),
}

/// The last event, for a viewer that has read up to a position. Its cursor is the end of the log.
pub(crate) fn done(end: &FeedEnd, read_up_to: EntryId) -> Next {
    let mut frame = Vec::new();
    sse::write_done(&mut frame, &end.job_end, read_up_to.max(end.position));
    Next::Done(frame.into())
}

/// The end of a stream that is not complete, for a client at a position.
pub(crate) fn break_off(position: EntryId) -> Next {
    let mut frame = Vec::new();
    let delay = Duration::from_millis(fastrand::u64(RETRY_MS));
    sse::write_heartbeat_with_retry(&mut frame, position, delay);
    Next::BrokenOff(frame.into())
}
