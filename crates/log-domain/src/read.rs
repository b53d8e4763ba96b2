//! A read of a log: which lines it covers, at which end it begins, and where it stops.

use crate::entry_id::EntryId;
use crate::limits::MAX_READ_BYTES;
use crate::line::Line;

/// The lines between two ids, without the lines of these ids. A bound may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Only lines after this id.
    pub after: Option<EntryId>,
    /// Only lines before this id.
    pub before: Option<EntryId>,
}

impl Span {
    /// All lines after `id`.
    #[must_use]
    pub const fn after(id: EntryId) -> Self {
        Self {
            after: Some(id),
            before: None,
        }
    }

    /// Whether `id` is inside.
    #[must_use]
    pub fn contains(&self, id: EntryId) -> bool {
        self.after.is_none_or(|after| id > after) && self.before.is_none_or(|before| id < before)
    }
}

/// At which end of a [`Span`] a read begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest line comes first.
    OldestFirst,
    /// The newest line comes first.
    NewestFirst,
}

/// How much one read may return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// The most lines.
    pub lines: usize,
    /// The most bytes, counted by [`Line::bytes`]. The first line is returned even if it is longer, so that a reader
    /// always makes progress.
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

/// The result of a read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// The lines, in the order of the read.
    pub lines: Vec<Line>,
    /// Whether the span has more lines in that order.
    pub more: bool,
}

impl Batch {
    /// Cuts what a store found to a limit. `found` is in the order of the read. To decide whether there are `more`, one
    /// line beyond the limit is taken from it, and nothing after that.
    #[must_use]
    pub fn cut(found: impl IntoIterator<Item = Line>, limit: ReadLimit) -> Self {
        let mut batch = Self::default();
        let mut bytes = 0_usize;
        for line in found {
            bytes = bytes.saturating_add(line.bytes());
            let full = batch.lines.len() >= limit.lines;
            let too_long = bytes > limit.bytes && !batch.lines.is_empty();
            if full || too_long {
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
            open: false,
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
