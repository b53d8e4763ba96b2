//! What a follower hands out.

use std::time::Duration;

use log_domain::{EntryId, FoundGap, JobEnd, Line};
use tokio::time::Instant;

use crate::error::StoreError;

/// What happens to a log that is followed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FollowEvent {
    /// A read of the log has found something new.
    Lines(NewLines),
    /// A read has failed. The follower tries again by itself; this comes once for each failed read.
    ///
    /// A lost connection shows only when something is to be read: where nothing changes, it may never show.
    Unavailable(Outage),
    /// The store can be read again.
    Recovered {
        /// How long it could not be read.
        after: Duration,
    },
    /// The job has ended, and every line up to `position` was handed out. Nothing comes after this.
    End {
        /// How the job ended.
        end: JobEnd,
        /// The end of the log.
        position: EntryId,
    },
}

/// What one read of the log has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewLines {
    /// Lines may be missing before `lines`.
    pub gap: Option<FoundGap>,
    /// How many lines are missing there, if this is known.
    pub missing: Option<u64>,
    /// The lines, oldest first. Empty where only the position has moved, because the last lines of the log are gone, and
    /// after [`crate::Follower::reread`].
    pub lines: Vec<Line>,
    /// Everything up to here has been read, or is known to be gone.
    pub position: EntryId,
    /// This read began after the last call of [`crate::Follower::reread`], and is the first one that did.
    pub is_reread: bool,
}

/// A time during which the store cannot be read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outage {
    /// When the first read failed.
    pub since: Instant,
    /// How many reads have failed, this one included.
    pub failed_reads: u32,
    /// Why this read failed.
    pub error: StoreError,
}
