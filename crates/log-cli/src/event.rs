//! What a followed log reports, from Redis and from the API alike.

use log_client::Ending;
use log_domain::{EntryId, Line};

/// Something happened to a followed log.
#[derive(Debug)]
pub(crate) enum Event {
    /// The next line.
    Line(Line),
    /// Lines may be missing here.
    Gap {
        /// The position before the missing lines.
        after_id: EntryId,
        /// The first line after them that still exists.
        first_id: Option<EntryId>,
    },
    /// The log has ended. This is the last event.
    Done(Ending),
    /// The log cannot be read now, for this reason. The next call tries again.
    Unavailable(String),
    /// The log can be read, for the first time or again.
    Available,
    /// There is nothing new.
    Idle,
}
