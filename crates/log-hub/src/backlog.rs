//! What was read lately for viewers that catch up, kept a moment for those right behind them.
//!
//! A build fails, and two hundred people open its page: each reads the same log from its start. The first of them reads
//! the store; the others find what it has read, encoded, in the feed. Only full batches without a gap are kept: they lie
//! between two lines that were both there, so whoever is at the first line gets the same from the store.

use std::collections::VecDeque;

use bytes::Bytes;
use log_domain::EntryId;

/// How many ticks a batch is kept: what was read is to be as good as what is read now.
const TICKS: u64 = 2;

/// The batches of one job, the oldest first, bounded in bytes.
#[derive(Debug)]
pub(crate) struct Backlog {
    batches: VecDeque<Batch>,
    bytes: usize,
    capacity: usize,
}

/// The lines that follow a position, with more after them.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) after: EntryId,
    pub(crate) frames: Bytes,
    /// The id of the last line.
    pub(crate) position: EntryId,
    /// The stretch of the ring that was current from before the read until after it.
    pub(crate) stretch: u64,
    /// The hub's tick at the read.
    pub(crate) tick: u64,
}

impl Backlog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            capacity,
        }
    }

    /// Keeps a batch, if it is not there already.
    pub(crate) fn keep(&mut self, batch: Batch) {
        if self.find(batch.after, batch.stretch).is_some() {
            return;
        }
        self.bytes += batch.frames.len();
        self.batches.push_back(batch);
        while self.bytes > self.capacity {
            self.forget_oldest();
        }
    }

    /// What follows a position of a log that is still the one of this stretch.
    pub(crate) fn find(&self, after: EntryId, stretch: u64) -> Option<&Batch> {
        // The newest first: it is what most are looking for.
        let mut batches = self.batches.iter().rev();
        batches.find(|batch| batch.after == after && batch.stretch == stretch)
    }

    /// Forgets what was read too long before this tick.
    pub(crate) fn age(&mut self, tick: u64) {
        while (self.batches.front()).is_some_and(|batch| batch.tick + TICKS < tick) {
            self.forget_oldest();
        }
        if self.batches.is_empty() {
            self.batches = VecDeque::new();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.bytes -= batch.frames.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(after: u64, tick: u64) -> Batch {
        Batch {
            after: EntryId::new(after, 0),
            frames: Bytes::from_static(b"0123456789"),
            position: EntryId::new(after + 10, 0),
            stretch: 1,
            tick,
        }
    }

    fn has(backlog: &Backlog, after: u64) -> bool {
        backlog.find(EntryId::new(after, 0), 1).is_some()
    }

    #[test]
    fn a_batch_is_found_by_its_position_in_its_stretch_alone() {
        let mut backlog = Backlog::new(100);
        backlog.keep(batch(10, 0));
        assert!(has(&backlog, 10) && !has(&backlog, 11));
        assert!(backlog.find(EntryId::new(10, 0), 2).is_none());
    }

    #[test]
    fn it_is_bounded_in_bytes_and_lets_the_oldest_go() {
        let mut backlog = Backlog::new(35);
        for after in [10, 20, 30, 30, 40] {
            backlog.keep(batch(after, 0));
        }
        assert_eq!(backlog.bytes, 30);
        assert!(!has(&backlog, 10) && has(&backlog, 20) && has(&backlog, 40));
        Backlog::new(5).keep(batch(10, 0));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut backlog = Backlog::new(100);
        backlog.keep(batch(10, 5));
        backlog.keep(batch(20, 6));
        backlog.age(7);
        assert!(has(&backlog, 10));
        backlog.age(8);
        assert!(!has(&backlog, 10) && has(&backlog, 20));
        backlog.age(9);
        assert_eq!((backlog.bytes, backlog.batches.capacity()), (0, 0));
    }
}
