//! Reads of lines and jobs, over any session.

use fred::interfaces::{HashesInterface, KeysInterface, StreamsInterface};
use fred::types::Value;
use futures_util::future::{join, join_all};
use log_domain::{Batch, EntryId, Job, Line, LogBounds, Order, ReadLimit, Span, gap_after};

use super::decode;
use super::fault::Fault;
use super::session::{Look, Looked, Session};
use crate::lines::TailRead;

/// Most entries one command asks for: a read of 500 long lines should not hold up what stands behind it on the
/// connection, and no more than this is fetched beyond a limit in bytes.
const CHUNK: usize = 128;

/// Reads lines from either end of a span.
pub(super) async fn span(
    session: &Session,
    key: &str,
    mut span: Span,
    order: Order,
    limit: ReadLimit,
) -> Result<Batch, Fault> {
    let mut found = Found::new(limit);
    loop {
        let wanted = found.wanted();
        let chunk = range(session, key, span, order, wanted).await?;
        let ended = chunk.len() < wanted;
        if let Some(last) = chunk.last() {
            match order {
                Order::OldestFirst => span.after = Some(last.id),
                Order::NewestFirst => span.before = Some(last.id),
            }
        }
        found.extend(chunk);
        if ended || found.is_full() {
            return Ok(found.cut());
        }
    }
}

/// Reads the oldest lines after an id, and the log's bounds after that.
///
/// Where several commands are needed and the log changes between them so that lines are missing in the middle, the
/// read ends before that place: the next one finds the gap where it is.
pub(super) async fn onward(
    session: &Session,
    key: &str,
    after: EntryId,
    limit: ReadLimit,
) -> Result<TailRead, Fault> {
    let mut found = Found::new(limit);
    let mut position = after;
    let mut until_now: Option<LogBounds> = None;
    loop {
        let wanted = found.wanted();
        let (chunk, bounds) = chunk_and_bounds(session, key, position, wanted).await?;
        if let Some(earlier) = until_now
            && gap_after(position, &chunk, &bounds).is_some()
        {
            return Ok(found.onward(earlier, true));
        }
        let ended = chunk.len() < wanted;
        position = chunk.last().map_or(position, |last| last.id);
        found.extend(chunk);
        if ended || found.is_full() {
            return Ok(found.onward(bounds, false));
        }
        until_now = Some(bounds);
    }
}

/// What a log looks like now.
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
    // No such hash, or one without all three fields: the same to HMGET. What is read after EXISTS is what counts, so a job
    // that was created in between is not taken for one without an owner.
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

/// How often a read is repeated that finds nothing while the log goes on changing.
const MAX_LOOKS: usize = 8;

/// Lines after an id and the bounds at or after them; both of one instant where there are no lines (R6). An answer
/// without lines is that of one instant if the bounds before it are the bounds after it.
async fn chunk_and_bounds(
    session: &Session,
    key: &str,
    after: EntryId,
    count: usize,
) -> Result<(Vec<Line>, LogBounds), Fault> {
    let (mut lines, mut bounds) = look(session, key, after, count).await?;
    for _ in 1..MAX_LOOKS {
        // At the log's end there is nothing a moment could have hidden.
        if !lines.is_empty() || bounds.last_id == after {
            return Ok((lines, bounds));
        }
        let before = bounds;
        (lines, bounds) = look(session, key, after, count).await?;
        if lines.is_empty() && bounds == before {
            return Ok((lines, bounds));
        }
    }
    Err(Fault::unsettled())
}

/// Asks for lines and then for the bounds, in this order on one connection: so the bounds are never older. Together with
/// what others ask at this moment, where the session gathers.
async fn look(
    session: &Session,
    key: &str,
    after: EntryId,
    count: usize,
) -> Result<(Vec<Line>, LogBounds), Fault> {
    let (low, high) = ends(Span::after(after));
    let look = Look {
        key: key.to_owned(),
        low,
        high,
        count: count as u64,
    };
    let looked = match session.gather() {
        Some(gather) => {
            let session = session.clone();
            let send = move |looks| looks_at_once(session.clone(), looks);
            gather.ask(look, send).await
        }
        None => looks_at_once(session.clone(), vec![look]).await.pop(),
    };
    let (entries, info) = looked.ok_or_else(|| Fault::garbled("an answer is missing"))??;
    let bounds = known_bounds(info)?;
    Ok((decode::lines(entries)?, bounds))
}

/// Asks for all of them, each for its lines first. What is asked for before the connection is ready to write goes out by
/// one write, which a pipeline of fred's does not.
async fn looks_at_once(session: Session, looks: Vec<Look>) -> Vec<Looked> {
    let reads = session.reads();
    let asked = looks.into_iter().map(|look| {
        let reads = &reads;
        async move {
            let Look {
                key,
                low,
                high,
                count,
            } = look;
            let entries = reads.xrange::<Value, _, _, _>(key.as_str(), low, high, Some(count));
            let info = reads.xinfo_stream::<Value, _>(key.as_str(), false, None);
            // In this order they are polled for the first time, which is when they are handed over.
            let (entries, info) = join(entries, info).await;
            Ok((entries?, info))
        }
    });
    join_all(asked).await
}

/// A key that is not there is a log that is not there.
pub(super) fn known_bounds(info: Result<Value, fred::error::Error>) -> Result<LogBounds, Fault> {
    match info {
        Ok(info) => decode::bounds(info),
        Err(error) if error.details().contains("no such key") => Ok(LogBounds::ABSENT),
        Err(error) => Err(error.into()),
    }
}

/// The bounds of a span as `XRANGE` takes them.
fn ends(span: Span) -> (String, String) {
    if span.after == Some(EntryId::MAX) || span.before == Some(EntryId::ZERO) {
        // Nothing lies there, and Redis takes no such exclusive bound. Asking for a range that ends before it begins
        // still reads the key: an outage stays an error, and a watch gets armed.
        return ("1".into(), "0".into());
    }
    let bound = |id: Option<EntryId>, none: &str| match id {
        Some(id) => format!("({id}"),
        None => none.into(),
    };
    (bound(span.after, "-"), bound(span.before, "+"))
}

/// Lines gathered up to a limit.
struct Found {
    lines: Vec<Line>,
    bytes: usize,
    limit: ReadLimit,
}

impl Found {
    const fn new(limit: ReadLimit) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// How many lines to ask for next. One beyond the limit tells whether there are more.
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

    /// The answer, with `more` where the read ended before the log did.
    fn onward(self, bounds: LogBounds, more: bool) -> TailRead {
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
        let mut found = Found::new(ReadLimit::lines(130));
        assert_eq!(found.wanted(), CHUNK);
        let line = Line {
            id: EntryId::ZERO,
            ts: None,
            source: None,
            text: None,
            phase: None,
        };
        found.extend(vec![line; CHUNK]);
        assert_eq!(found.wanted(), 3);
        assert_eq!(Found::new(ReadLimit::lines(usize::MAX)).wanted(), CHUNK);
    }
}
