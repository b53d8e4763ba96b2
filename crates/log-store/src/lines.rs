//! Reading lines, and waiting for the next change of a log.

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, FoundGap, Gap, GapTracker, JobId, Line, LogBounds, Order, ReadLimit, Span,
    gap_after, gap_at,
};

use crate::error::StoreError;

/// Reads the logs of jobs.
///
/// ```text
///   0-0          first_id                        last_id
///    │   trimmed    │  1-0   1-1   2-0   …   9-0   │
///    ▲              └──────── retained ────────────┘
///    before every line; a log that does not exist has only this position, which is its last_id, too
/// ```
///
/// # Contract
///
/// Checked by the conformance suite, rule by rule.
///
/// * **R1** A read MUST return exactly the retained lines strictly inside its span, in the requested order, up to its
///   limit. [`Batch::more`] MUST say whether the span has further lines. [`Batch::cut`] is the rule.
/// * **R2** Each id of a log MUST be greater than the one before it, compared as numbers.
/// * **R3** A log that does not exist MUST read as empty, never as an error. Where something else is kept under its name, a
///   store MAY answer [`StoreError::NotALog`]; a watch reads it as a log that does not exist.
/// * **R4** If the store cannot be reached, the call MUST fail, and never return an empty answer. It MUST fail within a
///   deadline that the store documents.
/// * **R5** When an append has returned, every read that begins afterwards MUST see its lines.
/// * **R6** The bounds of [`LogStore::read_after`] MUST be those at the read of the lines or after it, never before it:
///   older bounds could hide a line that was trimmed in between. If the read found no lines, the bounds MUST be of the same
///   instant: the reader may then continue from their `last_id`.
/// * **R7** Stored bytes that are not UTF-8 MUST read as U+FFFD, and a missing field as `None`. A line MUST be
///   open only if its field `open` is `1`.
/// * **R8** A dropped future MUST leave nothing behind, except work that the store limits.
/// * **R9** Where the position of [`LogStore::read_after`] lies within the log, from its first line to its last id, and is
///   no line of it, [`TailRead::lost`] MUST say so, except for lines that were deleted one by one. A [`LogWatch`] MUST say so
///   at its first read and whenever its server may be another one.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn read(&self, job: &JobId, span: Span, order: Order, limit: ReadLimit) -> Result<Batch, StoreError>;
/// async fn read_after(&self, job: &JobId, after: EntryId, limit: ReadLimit) -> Result<TailRead, StoreError>;
/// async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError>;
/// fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch>;
/// async fn ping_logs(&self) -> Result<(), StoreError>;
/// fn server(&self, job: &JobId) -> LogServer;
/// fn is_degraded(&self) -> bool;
/// ```
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

    /// Reads the oldest lines after an id, and the log's bounds. From both, a reader knows whether it missed lines.
    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError>;

    /// Reads the bounds of the log. A live-only reader begins at their `last_id`.
    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError>;

    /// Begins to watch a log. Until the first read through the watch it only costs memory.
    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch>;

    /// Checks that the store answers, within the deadline of R4.
    async fn ping_logs(&self) -> Result<(), StoreError>;

    /// Which server has a log. The default is for a store that has always the same one.
    fn server(&self, job: &JobId) -> LogServer {
        let _ = job;
        LogServer::Same
    }

    /// Whether the store answers for some logs only, because a part of it is away.
    fn is_degraded(&self) -> bool {
        false
    }
}

/// Which server has a log. Another one may have lost lines that were confirmed (a failover), and a writer that knows them
/// writes them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogServer {
    /// Always the same one, which keeps what it has confirmed. A store that says so once says so for ever.
    Same,
    /// The one that this connection leads to. With another number it may be another server.
    Connected(u64),
    /// There is no connection at present.
    Away,
}

/// Watches one log. A notice stays until the next read (it is level-triggered).
///
/// The loop of every follower: [`LogWatch::changed`], then [`LogWatch::read_after`] from its own position until there are no
/// more lines, and again.
///
/// # Contract
///
/// * **W1** The first `changed` MUST return at once.
/// * **W2** If the log changed in any way after the last `read_after` of this watch began (a line was appended, trimmed or
///   deleted; the log expired, was deleted or was created again), a later or pending `changed` MUST return.
/// * **W3** W2 MUST hold when the connection to the store is lost, in whatever order the change and the loss happen: when
///   the store can be reached again, `changed` MUST return.
/// * **W4** A notice MAY come without a change, and many changes MAY share one notice.
/// * **W5** `changed` MUST be cancel-safe: dropping its future MUST NOT lose a notice, nor put it off. A reader waits for
///   several things at once, and drops the future whenever one of them comes.
/// * **W6** `read_after` MUST keep R1–R7, and MUST see the change that its notice was about.
/// * **W7** A dropped watch MUST free its resources.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn changed(&mut self);
/// async fn read_after(&mut self, after: EntryId, limit: ReadLimit) -> Result<TailRead, StoreError>;
/// ```
#[async_trait]
pub trait LogWatch: Send + 'static {
    /// Waits until the log may have changed since the last [`LogWatch::read_after`].
    async fn changed(&mut self);

    /// Reads the lines after a position. After this read, the next change is a notice again.
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
    /// The bounds of the log, see R6.
    pub bounds: LogBounds,
    /// The position of the read lies within the log, and is no line of it: it was lost, so what came after it may be lost,
    /// too (R9).
    pub lost: bool,
}

impl TailRead {
    /// Whether lines between `cursor`, the position of the read, and these lines may be missing.
    #[must_use]
    pub fn gap(&self, cursor: EntryId) -> Option<Gap> {
        if self.lost {
            return Some(gap_at(cursor, &self.lines, &self.bounds));
        }
        gap_after(cursor, &self.lines, &self.bounds)
    }

    /// The gap of this read that a reader was not told of yet.
    #[must_use]
    pub fn unreported_gap(&self, cursor: EntryId, told: &GapTracker) -> Option<FoundGap> {
        if self.lost {
            return told.unreported_loss(cursor, &self.lines, &self.bounds);
        }
        told.unreported(cursor, &self.lines, &self.bounds)
    }
}

/// The last line up to a time, which is given as `<milliseconds>-0`; the time itself where there is no such line. The lines
/// after either are the same.
///
/// # Errors
/// The store could not be read.
pub async fn line_at(
    store: &dyn LogStore,
    job: &JobId,
    time: EntryId,
) -> Result<EntryId, StoreError> {
    let up_to = Span {
        after: None,
        before: Some(EntryId::new(time.ms(), 1)),
    };
    let found = store.read(job, up_to, Order::NewestFirst, ReadLimit::lines(1));
    Ok(found.await?.lines.first().map_or(time, |line| line.id))
}
