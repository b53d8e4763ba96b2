//! Lines that were read so far, up to a limit, and how many to ask for next.

use log_domain::{Batch, Line, LogBounds, ReadLimit};

use super::decode::Entries;
use super::sizes::expect;
use crate::lines::TailRead;

/// The most entries that one command asks for. A read of 500 lines must not delay the commands behind it.
const CHUNK: usize = 128;

/// How many entries the first command asks for where nothing is known of the log. Each may have megabytes.
const FIRST_CHUNK: usize = 2;

/// How many entries the first command of a live read asks for. Mostly fewer have come; and where lines were short so far, many
/// long ones may have come.
const FIRST_LIVE: usize = 16;

/// How many times more entries the next command asks for, at most.
const GROWTH: usize = 8;

/// What one command has brought.
pub(super) struct Step {
    pub(super) lines: Vec<Line>,
    sizes: Sizes,
    /// The size of the largest entry seen.
    largest: usize,
    pub(super) bounds: Option<LogBounds>,
    rest: Rest,
}

/// How large the lines of a step are.
enum Sizes {
    /// Of each line. Some may be beyond the limit.
    Each(Vec<usize>),
    /// Together. All are within the limit.
    Sum(usize),
}

/// What is behind the lines of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// More lines, beyond the limit of the read.
    BeyondLimit,
    /// There may be more.
    Unknown,
}

impl Step {
    /// The answer to a command that asked for a number of entries. `ends` is the size of entries that came with the bounds.
    pub(super) fn new(
        entries: Entries,
        asked: usize,
        bounds: Option<LogBounds>,
        ends: usize,
    ) -> Self {
        let Entries { lines, sizes } = entries;
        let largest = sizes.iter().copied().max().unwrap_or(0).max(ends);
        let rest = if lines.len() < asked {
            Rest::Nothing
        } else {
            Rest::Unknown
        };
        Self {
            lines,
            sizes: Sizes::Each(sizes),
            largest,
            bounds,
            rest,
        }
    }

    /// The answer of something that keeps to the limit by itself.
    pub(super) const fn within_limit(
        lines: Vec<Line>,
        taken: usize,
        largest: usize,
        bounds: Option<LogBounds>,
        rest: Rest,
    ) -> Self {
        Self {
            lines,
            sizes: Sizes::Sum(taken),
            largest,
            bounds,
            rest,
        }
    }
}

/// Lines that were read so far.
pub(super) struct Collected {
    lines: Vec<Line>,
    bytes: usize,
    limit: ReadLimit,
    /// There are more lines, beyond the limit.
    more: bool,
    /// The size of the largest entry seen lately, where one was.
    known: Option<usize>,
    /// The most entries to ask for next.
    most: usize,
}

impl Collected {
    pub(super) const fn new(limit: ReadLimit, known: Option<usize>) -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            limit,
            more: false,
            known,
            most: if known.is_some() { CHUNK } else { FIRST_CHUNK },
        }
    }

    /// The same for lines that have come since the last read.
    pub(super) fn live(limit: ReadLimit, known: Option<usize>) -> Self {
        let mut collected = Self::new(limit, known);
        collected.most = collected.most.min(FIRST_LIVE);
        collected
    }

    pub(super) const fn known(&self) -> Option<usize> {
        self.known
    }

    pub(super) const fn len(&self) -> usize {
        self.lines.len()
    }

    /// What may still be taken.
    pub(super) const fn left(&self) -> ReadLimit {
        ReadLimit {
            lines: self.limit.lines.saturating_sub(self.lines.len()),
            bytes: self.limit.bytes.saturating_sub(self.bytes),
        }
    }

    /// How many entries to ask for next, where the answer may go beyond the limit. One line beyond it tells whether there
    /// are more.
    pub(super) fn wanted(&self) -> usize {
        let left = self.left();
        let expected = self.known.unwrap_or(0).max(1);
        let fitting = left.lines.min(left.bytes / expected);
        fitting.saturating_add(1).min(self.most)
    }

    /// Adds lines up to the limit, and says whether the read is done.
    pub(super) fn add(&mut self, step: Step) -> bool {
        if step.largest > 0 {
            self.known = Some(expect(self.known, step.largest));
        }
        self.most = self.most.saturating_mul(GROWTH).min(CHUNK);
        match step.sizes {
            Sizes::Each(sizes) => self.add_up_to_limit(step.lines, sizes),
            Sizes::Sum(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes);
                self.lines.extend(step.lines);
            }
        }
        self.more |= step.rest == Rest::BeyondLimit;
        self.more || step.rest == Rest::Nothing
    }

    fn add_up_to_limit(&mut self, lines: Vec<Line>, sizes: Vec<usize>) {
        for (line, size) in lines.into_iter().zip(sizes) {
            let left = self.left();
            if left.lines == 0 || (size > left.bytes && !self.lines.is_empty()) {
                self.more = true;
                return;
            }
            self.bytes = self.bytes.saturating_add(size);
            self.lines.push(line);
        }
    }

    pub(super) fn into_batch(self) -> Batch {
        Batch {
            lines: self.lines,
            more: self.more,
        }
    }

    /// The answer; `more` says that the read ended before the log did.
    pub(super) fn into_tail(self, bounds: LogBounds, more: bool) -> TailRead {
        TailRead {
            lines: self.lines,
            more: self.more || more,
            bounds,
            lost: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use log_domain::EntryId;

    use super::*;

    fn entries(count: usize, size: usize) -> Entries {
        let line = Line {
            id: EntryId::ZERO,
            ts: None,
            source: None,
            text: None,
            phase: None,
            open: false,
        };
        Entries {
            lines: vec![line; count],
            sizes: vec![size; count],
        }
    }

    fn step(count: usize, size: usize, asked: usize) -> Step {
        Step::new(entries(count, size), asked, None, 0)
    }

    #[test]
    fn a_read_of_a_known_log_asks_for_one_line_beyond_its_limit_in_chunks() {
        let mut collected = Collected::new(ReadLimit::lines(130), Some(80));
        assert_eq!(collected.wanted(), CHUNK);
        assert!(!collected.add(step(CHUNK, 80, CHUNK)));
        assert_eq!(collected.wanted(), 3);
        assert!(!collected.add(step(2, 80, 2)));
        assert!(collected.add(step(1, 80, 1)));
        let batch = collected.into_batch();
        assert_eq!((batch.lines.len(), batch.more), (130, true));
        let endless = Collected::new(ReadLimit::lines(usize::MAX), Some(1));
        assert_eq!(endless.wanted(), CHUNK);
    }

    #[test]
    fn a_live_read_asks_for_few_lines_first() {
        let mut collected = Collected::live(ReadLimit::lines(200), Some(80));
        assert_eq!(collected.wanted(), FIRST_LIVE);
        assert!(!collected.add(step(FIRST_LIVE, 80, FIRST_LIVE)));
        assert_eq!(collected.wanted(), CHUNK);
        assert_eq!(
            Collected::live(ReadLimit::lines(200), None).wanted(),
            FIRST_CHUNK
        );
    }

    #[test]
    fn a_read_of_an_unknown_log_begins_with_few_entries_and_grows_by_what_came() {
        let limit = ReadLimit {
            lines: 1_000,
            bytes: 64 * 1024,
        };
        let mut collected = Collected::new(limit, None);
        let mut asked = Vec::new();
        while asked.len() < 4 {
            let wanted = collected.wanted();
            asked.push(wanted);
            collected.add(step(wanted, 100, wanted));
        }
        assert_eq!(asked, [2, 16, 128, 128]);
        let mut collected = Collected::new(limit, None);
        assert_eq!(collected.wanted(), 2);
        collected.add(step(2, 10_000, 2));
        // 45,000 bytes are left for lines of 10,000.
        assert_eq!(collected.wanted(), 5);
    }

    #[test]
    fn an_empty_log_stays_unknown() {
        let mut collected = Collected::new(ReadLimit::lines(10), None);
        assert!(collected.add(step(0, 0, 2)));
        assert_eq!(collected.known(), None);
    }

    #[test]
    fn a_large_first_entry_of_the_log_is_seen_beside_small_lines() {
        let mut collected = Collected::new(ReadLimit::lines(10), Some(80));
        collected.add(Step::new(entries(1, 80), 11, None, 1_000_000));
        assert_eq!(collected.known(), Some(1_000_000));
    }

    #[test]
    fn what_is_stored_counts_and_the_first_line_is_taken_whatever_its_size() {
        let limit = ReadLimit {
            lines: 10,
            bytes: 1_000,
        };
        let mut collected = Collected::new(limit, Some(10));
        assert!(collected.add(step(2, 5_000, 11)));
        let batch = collected.into_batch();
        assert_eq!((batch.lines.len(), batch.more), (1, true));
    }
}
