//! What was read lately for viewers that catch up, kept for a moment for those right behind them.
//!
//! When a build fails, two hundred people may open its page, and each reads the same log from its start. The first of them
//! reads the store. The others find in the feed what it has read, already encoded.
//!
//! Only full batches without a gap are kept. Such a batch lies between two lines that were both there, so a viewer at the
//! first of them gets the same lines from the store.

use std::collections::VecDeque;

use bytes::Bytes;
use log_domain::EntryId;

/// How many ticks a batch is kept. It must be as good as what the store gives now.
const TICKS: u64 = 2;

/// The batches of one job, the oldest first, bounded in bytes.
#[derive(Debug)]
pub(crate) struct RecentBatches {
    batches: VecDeque<RecentBatch>,
    bytes: usize,
    max_bytes: usize,
}

/// The lines that follow a position, where more lines come after them.
#[derive(Debug, Clone)]
pub(crate) struct RecentBatch {
    pub(crate) after: EntryId,
    pub(crate) frames: Bytes,
    /// The id of the last line.
    pub(crate) position: EntryId,
    /// The ring's generation, from before the read until after it.
    pub(crate) generation: u64,
    /// The hub's tick at the read.
    pub(crate) tick: u64,
}

impl RecentBatches {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Keeps a batch, unless it is there already.
    pub(crate) fn keep(&mut self, batch: RecentBatch) {
        if self.find(batch.after, batch.generation).is_some() {
            return;
        }
        self.bytes += batch.frames.len();
        self.batches.push_back(batch);
        while self.bytes > self.max_bytes {
            self.forget_oldest();
        }
    }

    /// The batch after a position, of the same generation of the ring.
    pub(crate) fn find(&self, after: EntryId, generation: u64) -> Option<&RecentBatch> {
        // The newest first: most viewers look for that.
        let mut batches = self.batches.iter().rev();
        batches.find(|batch| batch.after == after && batch.generation == generation)
    }

    /// Forgets what was read too long before this tick.
    pub(crate) fn forget_old(&mut self, tick: u64) {
        while (self.batches.front()).is_some_and(|batch| batch.tick + TICKS < tick) {
            self.forget_oldest();
        }
        if self.batches.is_empty() {
            self.batches = VecDeque::new();
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.batches = VecDeque::new();
        self.bytes = 0;
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
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

    fn batch(after: u64, tick: u64) -> RecentBatch {
        RecentBatch {
            after: EntryId::new(after, 0),
            frames: Bytes::from_static(b"0123456789"),
            position: EntryId::new(after + 10, 0),
            generation: 1,
            tick,
        }
    }

    fn has(recent: &RecentBatches, after: u64) -> bool {
        recent.find(EntryId::new(after, 0), 1).is_some()
    }

    #[test]
    fn a_batch_is_found_only_by_its_position_and_its_generation() {
        let mut recent = RecentBatches::new(100);
        recent.keep(batch(10, 0));
        assert!(has(&recent, 10) && !has(&recent, 11));
        assert!(recent.find(EntryId::new(10, 0), 2).is_none());
    }

    #[test]
    fn it_is_bounded_in_bytes_and_forgets_the_oldest_first() {
        let mut recent = RecentBatches::new(35);
        for after in [10, 20, 30, 30, 40] {
            recent.keep(batch(after, 0));
        }
        assert_eq!(recent.bytes, 30);
        assert!(!has(&recent, 10) && has(&recent, 20) && has(&recent, 40));
        RecentBatches::new(5).keep(batch(10, 0));
    }

    #[test]
    fn old_batches_are_forgotten() {
        let mut recent = RecentBatches::new(100);
        recent.keep(batch(10, 5));
        recent.keep(batch(20, 6));
        recent.forget_old(7);
        assert!(has(&recent, 10));
        recent.forget_old(8);
        assert!(!has(&recent, 10) && has(&recent, 20));
        recent.forget_old(9);
        assert_eq!((recent.bytes, recent.batches.capacity()), (0, 0));
    }
}
