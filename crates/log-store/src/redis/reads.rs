//! Reads of lines and jobs, over any session.

use fred::interfaces::{HashesInterface, KeysInterface, StreamsInterface};
use fred::types::Value;
use futures_util::future::{join, join_all};
use log_domain::{Batch, EntryId, Job, Line, LogBounds, Order, ReadLimit, Span, gap_after};

use super::decode;
use super::fault::Fault;
use super::session::{Session, TailQuery, TailReply};
use crate::lines::TailRead;

/// The most entries that one command asks for. A read of 500 long lines must not delay the commands behind it, and no more
/// than this is fetched beyond a limit in bytes.
const CHUNK: usize = 128;

/// Reads lines from either end of a span.
pub(super) async fn span(
    session: &Session,
    key: &str,
    mut span: Span,
    order: Order,
    limit: ReadLimit,
) -> Result<Batch, Fault> {
    let mut collected = Collected::new(limit);
    loop {
        let wanted = collected.wanted();
        let chunk = range(session, key, span, order, wanted).await?;
        let ended = chunk.len() < wanted;
        if let Some(last) = chunk.last() {
            match order {
                Order::OldestFirst => span.after = Some(last.id),
                Order::NewestFirst => span.before = Some(last.id),
            }
        }
        collected.extend(chunk);
        if ended || collected.is_full() {
            return Ok(collected.cut());
        }
    }
}

/// Reads the oldest lines after an id, and then the log's bounds.
///
/// Where several commands are needed, lines may vanish between two of them. The read then ends before the missing lines, and
/// the next read finds the gap at its place.
pub(super) async fn tail(
    session: &Session,
    key: &str,
    after: EntryId,
    limit: ReadLimit,
) -> Result<TailRead, Fault> {
    let mut collected = Collected::new(limit);
    let mut position = after;
    let mut last_bounds: Option<LogBounds> = None;
    loop {
        let wanted = collected.wanted();
        let (chunk, bounds) = consistent_chunk(session, key, position, wanted).await?;
        if let Some(earlier) = last_bounds
            && gap_after(position, &chunk, &bounds).is_some()
        {
            return Ok(collected.into_tail(earlier, true));
        }
        let ended = chunk.len() < wanted;
        position = chunk.last().map_or(position, |last| last.id);
        collected.extend(chunk);
        if ended || collected.is_full() {
            return Ok(collected.into_tail(bounds, false));
        }
        last_bounds = Some(bounds);
    }
}

/// Reads the bounds of a log.
pub(super) async fn bounds(session: &Session, key: &str) -> Result<LogBounds, Fault> {
    let info: Result<Value, _> = session.reads().xinfo_stream(key, false, None).await;
    known_bounds(info)
}

/// Reads a job.
pub(super) async fn job(session: &Session, key: &str) -> Result<Option<Job>, Fault> {
    let client = session.reads();
    let fields = || client.hmget::<Value, _, _>(key, vec!["status", "user_id", "org_id"]);
    if let Some(job) = decode::job(fields().await?)? {
        return Ok(Some(job));
    }
    // HMGET gives the same answer for a missing hash and for one without these three fields. The fields are read again after
    // EXISTS, so that a job that was created in between is not taken for one without an owner.
    let exists: bool = client.exists(key).await?;
    if !exists {
        return Ok(None);
    }
    let job = decode::job(fields().await?)?;
    Ok(Some(job.unwrap_or_else(decode::bare_job)))
}

async fn range(
    session: &Session,
    key: &str,
    span: Span,
    order: Order,
    count: usize,
) -> Result<Vec<Line>, Fault> {
    let (low, high) = ends(span);
    let count = Some(count as u64);
    let reads = session.reads();
    let entries: Value = match order {
        Order::OldestFirst => reads.xrange(key, low, high, count).await?,
        Order::NewestFirst => reads.xrevrange(key, high, low, count).await?,
    };
    decode::lines(entries)
}

/// How often a read without lines is tried while the log changes.
const MAX_QUERIES: usize = 8;

/// Lines after an id, and bounds that are not older. Where there are no lines, both are of one instant (R6): the bounds
/// before the answer are the bounds after it.
async fn consistent_chunk(
    session: &Session,
    key: &str,
    after: EntryId,
    count: usize,
) -> Result<(Vec<Line>, LogBounds), Fault> {
    let (mut lines, mut bounds) = query_tail(session, key, after, count).await?;
    for _ in 1..MAX_QUERIES {
        // At the end of the log there was nothing to miss.
        if !lines.is_empty() || bounds.last_id == after {
            return Ok((lines, bounds));
        }
        let before = bounds;
        (lines, bounds) = query_tail(session, key, after, count).await?;
        if lines.is_empty() && bounds == before {
            return Ok((lines, bounds));
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
) -> Result<(Vec<Line>, LogBounds), Fault> {
    let (low, high) = ends(Span::after(after));
    let query = TailQuery {
        key: key.to_owned(),
        low,
        high,
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
    Ok((decode::lines(entries)?, bounds))
}

/// Sends all queries at once. Commands that are given to fred before its socket is ready to write are sent by one write;
/// fred's own pipeline does not do that.
async fn send_queries(session: Session, queries: Vec<TailQuery>) -> Vec<TailReply> {
    let reads = session.reads();
    let replies = queries.into_iter().map(|query| {
        let reads = &reads;
        async move {
            let TailQuery {
                key,
                low,
                high,
                count,
            } = query;
            let entries = reads.xrange::<Value, _, _, _>(key.as_str(), low, high, Some(count));
            let info = reads.xinfo_stream::<Value, _>(key.as_str(), false, None);
            // `join` polls them first in this order, and the first poll gives the command to fred.
            let (entries, info) = join(entries, info).await;
            Ok((entries?, info))
        }
    });
    join_all(replies).await
}

/// A key that does not exist is a log that does not exist.
fn known_bounds(info: Result<Value, fred::error::Error>) -> Result<LogBounds, Fault> {
    match info {
        Ok(info) => decode::bounds(info),
        Err(error) if error.details().contains("no such key") => Ok(LogBounds::ABSENT),
        Err(error) => Err(error.into()),
    }
}

/// The bounds of a span as `XRANGE` takes them.
fn ends(span: Span) -> (String, String) {
    if span.after == Some(EntryId::MAX) || span.before == Some(EntryId::ZERO) {
        // No id is there, and Redis takes no such exclusive bound. A range that ends before it begins still reads the key:
        // so an outage is an error, and tracking begins.
        return ("1".into(), "0".into());
    }
    let bound = |id: Option<EntryId>, none: &str| match id {
        Some(id) => format!("({id}"),
        None => none.into(),
    };
    (bound(span.after, "-"), bound(span.before, "+"))
}

/// Lines that were read so far, up to a limit.
struct Collected {
    lines: Vec<Line>,
    bytes: usize,
    limit: ReadLimit,
}

impl Collected {
    const fn new(limit: ReadLimit) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// How many lines to ask for next. One line beyond the limit tells whether there are more.
    fn wanted(&self) -> usize {
        let all = self.limit.lines.saturating_add(1);
        all.saturating_sub(self.lines.len()).clamp(1, CHUNK)
    }

    fn extend(&mut self, chunk: Vec<Line>) {
        self.bytes += chunk.iter().map(Line::bytes).sum::<usize>();
        self.lines.extend(chunk);
    }

    /// Whether a further line could not change the answer.
    fn is_full(&self) -> bool {
        self.lines.len() > self.limit.lines
            || (self.bytes > self.limit.bytes && self.lines.len() > 1)
    }

    fn cut(self) -> Batch {
        Batch::cut(self.lines, self.limit)
    }

    /// The answer; `more` says that the read ended before the log did.
    fn into_tail(self, bounds: LogBounds, more: bool) -> TailRead {
        let batch = self.cut();
        TailRead {
            lines: batch.lines,
            more: batch.more || more,
            bounds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_exclusive_and_the_impossible_ones_are_an_empty_range() {
        let id = EntryId::new(5, 1);
        let span = Span {
            after: Some(id),
            before: None,
        };
        assert_eq!(ends(span), ("(5-1".into(), "+".into()));
        assert_eq!(ends(Span::default()), ("-".into(), "+".into()));
        for span in [
            Span::after(EntryId::MAX),
            Span {
                after: None,
                before: Some(EntryId::ZERO),
            },
        ] {
            assert_eq!(ends(span), ("1".into(), "0".into()));
        }
    }

    #[test]
    fn a_read_asks_for_one_line_beyond_its_limit_in_chunks() {
        let mut collected = Collected::new(ReadLimit::lines(130));
        assert_eq!(collected.wanted(), CHUNK);
        let line = Line {
            id: EntryId::ZERO,
            ts: None,
            source: None,
            text: None,
            phase: None,
            open: false,
        };
        collected.extend(vec![line; CHUNK]);
        assert_eq!(collected.wanted(), 3);
        assert_eq!(Collected::new(ReadLimit::lines(usize::MAX)).wanted(), CHUNK);
    }
}
