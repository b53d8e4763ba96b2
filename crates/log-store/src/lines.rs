//! Reading lines, and knowing when to read again.

use async_trait::async_trait;
use log_domain::{Batch, EntryId, Gap, JobId, Line, LogBounds, Order, ReadLimit, Span, gap_after};

use crate::error::StoreError;

/// Reads the logs of jobs.
///
/// ```text
///   0-0          first_id                        last_id
///    │   trimmed    │  1-0   1-1   2-0   …   9-0   │
///    ▲              └──────── retained ────────────┘
///    before every line; an absent log has only this position, and it is its last_id too
/// ```
///
/// # Contract
///
/// Checked by the conformance suite, rule by rule.
///
/// * **R1** A read MUST return exactly the retained lines strictly inside its span, in the order asked for, up
///   to its limit; [`Batch::more`] MUST say whether the span holds further ones. [`Batch::cut`] is the rule.
/// * **R2** Ids MUST grow strictly along a log, compared as numbers.
/// * **R3** A log that does not exist MUST read as empty, never as an error.
/// * **R4** A store that cannot be reached MUST be an error, never an empty answer, and the error MUST come
///   within a deadline that the store documents.
/// * **R5** A line whose append has returned MUST be seen by every read that begins afterwards.
/// * **R6** The bounds of [`LogStore::read_after`] MUST be as they were at its read or after it, never before: bounds
///   from before could hide a line that was trimmed in between. Where the read found nothing, they MUST be of the
///   same instant: a reader may then go on from their `last_id`.
/// * **R7** Stored bytes that are not UTF-8 MUST read as U+FFFD, and a missing field as `None`.
/// * **R8** A dropped future MUST leave nothing behind but work the store bounds itself.
#[async_trait]
pub trait LogStore: Send + Sync + 'static {
    /// Reads lines from either end of a span.
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError>;

    /// Reads the oldest lines after an id together with the log's bounds: what a reader needs that must know
    /// whether it missed something.
    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError>;

    /// What the log looks like now. Its `last_id` is where a live-only reader begins.
    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError>;

    /// Begins to watch a log. Costs nothing but memory until the first read through the watch.
    fn watch(&self, job: &JobId) -> Box<dyn LogWatch>;

    /// Asks the store for a sign of life, within the deadline of R4.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Watches one log, level-triggered.
///
/// The loop of every follower: [`LogWatch::changed`], then [`LogWatch::read_after`] from its own position until
/// nothing more comes, and again.
///
/// # Contract
///
/// * **W1** The first `changed` MUST return at once.
/// * **W2** If the log changed in any way after the last `read_after` of this watch began (a line was appended, trimmed
///   or deleted; the log expired, was deleted or made anew), a later or pending `changed` MUST return.
/// * **W3** W2 MUST hold across a lost connection to the store, however the change and the loss interleave: once the
///   store can be reached again, `changed` MUST return.
/// * **W4** A notice MAY come without a change, and many changes MAY share one notice.
/// * **W5** `changed` MUST be cancel-safe: a dropped future takes no notice with it.
/// * **W6** `read_after` MUST keep R1–R7 and MUST see what its notice was about.
/// * **W7** A dropped watch MUST free what it held.
#[async_trait]
pub trait LogWatch: Send + 'static {
    /// Waits until the log may have changed since the last [`LogWatch::read_after`].
    async fn changed(&mut self);

    /// Reads on after a position. The read is what arms the watch for the next change.
    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError>;
}

/// Lines after a position, and the log's bounds at or after the read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TailRead {
    /// The lines, oldest first.
    pub lines: Vec<Line>,
    /// Whether there are further lines.
    pub more: bool,
    /// What the log looked like, see R6.
    pub bounds: LogBounds,
}

impl TailRead {
    /// Whether lines between `cursor`, the position of the read, and these lines may be missing.
    #[must_use]
    pub fn gap(&self, cursor: EntryId) -> Option<Gap> {
        gap_after(cursor, &self.lines, &self.bounds)
    }

    /// Whether a reader that has read this after `cursor` is at the end of the log.
    #[must_use]
    pub fn is_at_end(&self, cursor: EntryId) -> bool {
        let position = self.lines.last().map_or(cursor, |line| line.id);
        !self.more && position == self.bounds.last_id
    }
}
