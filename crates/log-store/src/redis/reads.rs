//! Reads of lines and jobs, over any session.
//!
//! Lines have any size, so a read of a log asks for as many entries as it can probably use ([`super::sizes`]), and takes
//! all that came up to its limit. Where lines are long, or nothing is known of them, a script reads them
//! ([`super::careful`]).

use fred::error::Error;
use fred::types::Value;
use futures_util::future::{join, join_all};
use log_domain::{Batch, EntryId, Job, Lifecycle, LogBounds, Order, ReadLimit, Span, gap_after};

use super::careful::{CarefulReads, INLINE, Query};
use super::collected::{Collected, Step};
use super::decode::{self, Entries};
use super::fault::Fault;
use super::question::{self, Command, answer_for, ends, stream_info};
use super::session::{Session, TailQuery, TailReply};
use super::sizes::Sizes;
use crate::lines::TailRead;

/// Entries beyond this size are read by the script, one after the other.
const LARGE: usize = 8 * 1024;

/// A log, and how to read it.
pub(super) struct LogReader<'a> {
    pub(super) session: &'a Session,
    pub(super) key: &'a str,
    pub(super) careful: &'a CarefulReads,
    pub(super) sizes: &'a Sizes,
    /// Whether the session must tell of changes after this read. Then the key has to be read over this session.
    pub(super) arms: bool,
    /// Whether to look if the position of a read is a line of the log.
    pub(super) checks_position: bool,
}

impl LogReader<'_> {
    /// Reads lines from either end of a span.
    pub(super) async fn span(
        &mut self,
        mut span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, Fault> {
        let mut collected = Collected::new(limit, self.sizes.get(self.key));
        loop {
            let step = match self.careful_step(&collected, span, order, false).await? {
                Some(step) => step,
                None => self.plain_span(&collected, span, order).await?,
            };
            if let Some(last) = step.lines.last() {
                match order {
                    Order::OldestFirst => span.after = Some(last.id),
                    Order::NewestFirst => span.before = Some(last.id),
                }
            }
            if self.add(&mut collected, step) {
                return Ok(collected.into_batch());
            }
        }
    }

    /// Reads the oldest lines after an id, and then the log's bounds.
    ///
    /// Where several commands are needed, lines may vanish between two of them. The read then ends before the missing
    /// lines, and the next read finds the gap at its place.
    pub(super) async fn tail(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, Fault> {
        if !self.checks_position || after == EntryId::ZERO {
            return self.unchecked_tail(after, limit).await;
        }
        let has_line = has_line(self.session, self.key, after);
        // The bounds of the read are later, and say whether the line must be there.
        let (has_line, tail) = join(has_line, self.unchecked_tail(after, limit)).await;
        let tail = tail?;
        let lost = tail.bounds.must_have(after) && !has_line?;
        Ok(TailRead { lost, ..tail })
    }

    async fn unchecked_tail(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, Fault> {
        let known = self.sizes.get(self.key);
        // A read that arms is one of a watch.
        let mut collected = if self.arms {
            Collected::live(limit, known)
        } else {
            Collected::new(limit, known)
        };
        let mut position = after;
        let mut last_bounds: Option<LogBounds> = None;
        loop {
            let (span, order) = (Span::after(position), Order::OldestFirst);
            let step = match self.careful_step(&collected, span, order, true).await? {
                Some(step) => step,
                None => self.plain_tail(&collected, position).await?,
            };
            let bounds = step
                .bounds
                .ok_or_else(|| Fault::garbled("the bounds are missing"))?;
            if let Some(earlier) = last_bounds
                && gap_after(position, &step.lines, &bounds).is_some()
            {
                return Ok(collected.into_tail(earlier, true));
            }
            position = step.lines.last().map_or(position, |last| last.id);
            if self.add(&mut collected, step) {
                return Ok(collected.into_tail(bounds, false));
            }
            last_bounds = Some(bounds);
        }
    }

    /// Adds what a step has brought, and says whether the read is done.
    fn add(&self, collected: &mut Collected, step: Step) -> bool {
        let is_done = collected.add(step);
        if let Some(known) = collected.known() {
            self.sizes.set(self.key, known);
        }
        is_done
    }

    /// Reads on by the script, where lines are long or unknown; `None` where plain commands are to be used.
    async fn careful_step(
        &mut self,
        collected: &Collected,
        span: Span,
        order: Order,
        with_bounds: bool,
    ) -> Result<Option<Step>, Fault> {
        let is_large = collected.known().is_some_and(|size| size > LARGE);
        // A watch begins with a few entries: it has to read its key over its own session anyway.
        let is_unknown = collected.known().is_none() && !self.arms;
        if !(is_large || is_unknown) || !self.careful.are_possible() {
            return Ok(None);
        }
        if std::mem::take(&mut self.arms) {
            // Before the read: every later change is told.
            let length = Command::new("XLEN", [self.key]);
            self.session.call(length).await?;
        }
        let left = collected.left();
        let mut query = Query {
            key: self.key,
            span,
            order,
            left,
            had: collected.len(),
            with_bounds,
        };
        let found = if is_large {
            self.careful.read_large(query).await?
        } else {
            // Others use this session, too.
            query.left.bytes = left.bytes.min(INLINE);
            self.careful.read(self.session, query).await?
        };
        Ok(found.map(|found| found.into_step(left, query.left)))
    }

    async fn plain_span(
        &self,
        collected: &Collected,
        span: Span,
        order: Order,
    ) -> Result<Step, Fault> {
        let wanted = collected.wanted();
        let entries = range(self.session, self.key, span, order, wanted).await?;
        Ok(Step::new(entries, wanted, None, 0))
    }

    async fn plain_tail(&mut self, collected: &Collected, after: EntryId) -> Result<Step, Fault> {
        let wanted = collected.wanted();
        let found = consistent_chunk(self.session, self.key, after, wanted).await?;
        self.arms = false;
        let (entries, (bounds, ends)) = found;
        Ok(Step::new(entries, wanted, Some(bounds), ends))
    }
}

/// Tells without the line itself, which may be long, whether a stream has an entry.
const HAS_ENTRY: &str =
    "return {KEYS[1], #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1], 'COUNT', 1)}";

/// Whether there is a line of this id.
async fn has_line(session: &Session, key: &str, id: EntryId) -> Result<bool, Fault> {
    let id = id.to_string();
    let [count, one] = ["1", &*id];
    let asked = session.call(Command::new("EVAL_RO", [HAS_ENTRY, count, key, one]));
    let found = match asked.await.map_err(Fault::from) {
        Ok(reply) => answer_for(reply, key)?.as_u64(),
        // Scripts are refused.
        Err(Fault::NotPermitted(_)) => {
            let range = question::range(key, &id, &id, 1);
            let found = decode::entries(session.ask(key, range).await?)?;
            u64::try_from(found.lines.len()).ok()
        }
        Err(fault) => return Err(fault),
    };
    match found {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(Fault::garbled("a count of entries is not 0 or 1")),
    }
}

/// Reads the bounds of a log.
pub(super) async fn bounds(session: &Session, key: &str) -> Result<LogBounds, Fault> {
    let ask = || session.ask(key, stream_info(key));
    match ask().await {
        // An error names no key, so it counts if it comes twice.
        Err(Fault::TryAgain(error)) if is_absent(&error) => match ask().await {
            Err(Fault::TryAgain(error)) if is_absent(&error) => Ok(LogBounds::ABSENT),
            info => Ok(decode::bounds(info?)?.0),
        },
        info => Ok(decode::bounds(info?)?.0),
    }
}

/// Reads a job. A key of another type is no job.
pub(super) async fn job(
    session: &Session,
    key: &str,
    lifecycle: &Lifecycle,
) -> Result<Option<Job>, Fault> {
    match hash(session, key, lifecycle).await {
        Err(Fault::WrongType(_)) => Ok(None),
        found => found,
    }
}

async fn hash(session: &Session, key: &str, lifecycle: &Lifecycle) -> Result<Option<Job>, Fault> {
    let fields = || {
        let words = std::iter::once(key).chain(decode::JOB_FIELDS);
        session.ask_and_compare(key, Command::new("HMGET", words))
    };
    if let Some(job) = decode::job(lifecycle, fields().await?)? {
        return Ok(Some(job));
    }
    // HMGET gives the same answer for a missing hash and for one without these three fields. The fields are read again after
    // EXISTS, so that a job that was created in between is not taken for one without an owner.
    let exists = session.ask(key, Command::new("EXISTS", [key])).await?;
    match exists.as_i64() {
        Some(0) => return Ok(None),
        Some(_) => {}
        None => return Err(Fault::garbled("EXISTS does not count")),
    }
    let job = decode::job(lifecycle, fields().await?)?;
    Ok(Some(job.unwrap_or_else(|| decode::bare_job(lifecycle))))
}

async fn range(
    session: &Session,
    key: &str,
    span: Span,
    order: Order,
    count: usize,
) -> Result<Entries, Fault> {
    let (low, high) = ends(span);
    let count = count as u64;
    let command = match order {
        Order::OldestFirst => question::range(key, &low, &high, count),
        Order::NewestFirst => question::reverse_range(key, &low, &high, count),
    };
    decode::entries(session.ask(key, command).await?)
}

/// How often a read without lines is tried while the log changes.
const MAX_QUERIES: usize = 8;

/// Lines after an id, and bounds that are not older. Where there are no lines, both are of one instant (R6): the bounds
/// before the answer are the bounds after it. With the bounds comes the size of the larger of the log's end entries.
async fn consistent_chunk(
    session: &Session,
    key: &str,
    after: EntryId,
    count: usize,
) -> Result<(Entries, (LogBounds, usize)), Fault> {
    let (mut entries, mut bounds) = query_tail(session, key, after, count).await?;
    for _ in 1..MAX_QUERIES {
        // At the end of the log there was nothing to miss. Bounds that end before the lines are of another log, or this one
        // is gone since.
        let fits = match entries.lines.last() {
            Some(last) => bounds.0.last_id >= last.id,
            None => bounds.0.last_id == after,
        };
        if fits {
            return Ok((entries, bounds));
        }
        let before = bounds;
        (entries, bounds) = query_tail(session, key, after, count).await?;
        if bounds == before {
            return Ok((entries, bounds));
        }
    }
    Err(Fault::unsettled())
}

/// Asks for lines and then, on the same connection, for the bounds. So the bounds are never older than the lines.
async fn query_tail(
    session: &Session,
    key: &str,
    after: EntryId,
    count: usize,
) -> Result<(Entries, (LogBounds, usize)), Fault> {
    let query = TailQuery {
        key: key.to_owned(),
        after: after.to_string(),
        count: count as u64,
    };
    let reply = match session.batcher() {
        Some(batcher) => {
            let session = session.clone();
            let send = move |queries| send_queries(session.clone(), queries);
            batcher.ask(query, send).await
        }
        None => send_queries(session.clone(), vec![query]).await.pop(),
    };
    let (entries, info) = reply.ok_or_else(|| Fault::garbled("an answer is missing"))??;
    let bounds = known_bounds(info)?;
    Ok((decode::entries(entries)?, bounds))
}

/// Sends all queries at once. Commands that are given to fred before its socket is ready to write are sent by one write;
/// fred's own pipeline does not do that.
async fn send_queries(session: Session, queries: Vec<TailQuery>) -> Vec<TailReply> {
    let session = &session;
    let replies = queries.into_iter().map(|query| {
        async move {
            let TailQuery { key, after, count } = query;
            let entries = session.entries_after(&key, &after, count);
            let info = session.call(stream_info(&key));
            // `join` polls them first in this order, and the first poll gives the command to fred.
            let (entries, info) = join(entries, info).await;
            Ok((entries?, info))
        }
    });
    join_all(replies).await
}

/// A key that does not exist is a log that does not exist.
fn known_bounds(info: Result<Value, Error>) -> Result<(LogBounds, usize), Fault> {
    match info {
        Ok(info) => decode::bounds(info),
        Err(error) if is_absent(&error) => Ok((LogBounds::ABSENT, 0)),
        Err(error) => Err(error.into()),
    }
}

/// Whether `XINFO STREAM` says that the key does not exist.
fn is_absent(error: &Error) -> bool {
    error.details().contains("no such key")
}
