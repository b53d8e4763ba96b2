//! A read of a log: which lines it covers, from which end, and where it stops.

use crate::entry_id::EntryId;
use crate::limits::MAX_READ_BYTES;
use crate::line::Line;

/// The lines strictly between two ids. A missing bound is no bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Exclusive lower bound.
    pub after: Option<EntryId>,
    /// Exclusive upper bound.
    pub before: Option<EntryId>,
}

impl Span {
    /// Everything after `id`.
    #[must_use]
    pub const fn after(id: EntryId) -> Self {
        Self {
            after: Some(id),
            before: None,
        }
    }

    /// Whether `id` lies inside.
    #[must_use]
    pub fn contains(&self, id: EntryId) -> bool {
        self.after.is_none_or(|after| id > after) && self.before.is_none_or(|before| id < before)
    }
}

/// From which end of a [`Span`] a read begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the oldest line on.
    OldestFirst,
    /// From the newest line back.
    NewestFirst,
}

/// How much one read may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Most lines.
    pub lines: usize,
    /// Most bytes, counted by [`Line::bytes`]. The first line is returned whatever its length, so
    /// that a reader always gets on.
    pub bytes: usize,
}

impl ReadLimit {
    /// At most `lines` lines and [`MAX_READ_BYTES`].
    #[must_use]
    pub const fn lines(lines: usize) -> Self {
        Self {
            lines,
            bytes: MAX_READ_BYTES,
        }
    }
}

/// What a read returned, in the order it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The lines, in the order of the read.
    pub lines: Vec<Line>,
    /// Whether the span holds further lines in that order.
    pub more: bool,
}

impl Batch {
    /// Cuts what a store found to a limit. `found` is in the order of the read; to know whether
    /// there are `more`, the store offers one line beyond the limit, and nothing after is asked for.
    #[must_use]
    pub fn cut(found: impl IntoIterator<Item = Line>, limit: ReadLimit) -> Self {
        let mut batch = Self::default();
        let mut bytes = 0_usize;
        for line in found {
            bytes = bytes.saturating_add(line.bytes());
            let full = batch.lines.len() >= limit.lines;
            let heavy = bytes > limit.bytes && !batch.lines.is_empty();
            if full || heavy {
                batch.more = true;
                break;
            }
            batch.lines.push(line);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(seq: u64, text_len: usize) -> Line {
        let text = Some("x".repeat(text_len));
        Line {
            id: EntryId::new(1, seq),
            ts: None,
            source: None,
            text,
            phase: None,
        }
    }

    #[test]
    fn a_batch_ends_at_the_limit_of_lines_and_says_there_is_more() {
        let limit = ReadLimit::lines(2);
        let batch = Batch::cut((1..=3).map(|n| line(n, 1)), limit);
        assert_eq!((batch.lines.len(), batch.more), (2, true));
        let batch = Batch::cut((1..=2).map(|n| line(n, 1)), limit);
        assert_eq!((batch.lines.len(), batch.more), (2, false));
    }

    #[test]
    fn a_batch_ends_at_the_limit_of_bytes_with_at_least_one_line() {
        let limit = ReadLimit {
            lines: 10,
            bytes: 10,
        };
        let batch = Batch::cut([line(1, 100), line(2, 1)], limit);
        assert_eq!((batch.lines.len(), batch.more), (1, true));
        let batch = Batch::cut([line(1, 5), line(2, 5), line(3, 1)], limit);
        assert_eq!((batch.lines.len(), batch.more), (2, true));
        let batch = Batch::cut([line(1, 5), line(2, 5)], limit);
        assert_eq!((batch.lines.len(), batch.more), (2, false));
    }

    #[test]
    fn both_bounds_of_a_span_are_exclusive() {
        let span = Span {
            after: Some(EntryId::new(1, 0)),
            before: Some(EntryId::new(3, 0)),
        };
        let inside = [1, 2, 3].map(|ms| span.contains(EntryId::new(ms, 0)));
        assert_eq!(inside, [false, true, false]);
        assert!(Span::default().contains(EntryId::MAX));
    }
}
