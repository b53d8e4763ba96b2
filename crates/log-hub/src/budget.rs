//! The bytes that all feeds of a hub keep together.
//!
//! Each feed keeps its newest frames for viewers that are a little behind. One feed may keep a megabyte; ten thousand of them
//! may not. What all viewers of a feed have passed goes first; a small tail stays for those who come back. Beyond the budget
//! a feed keeps no more than that tail, and its viewers read the store where they are further behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a feed keeps at most of what all its viewers have passed: some hundred lines, for a page that is reloaded.
const TAIL: usize = 64 * 1024;

/// The part of the budget that all tails may take: a quarter.
const TAILS_PART: usize = 4;

/// The budget of a hub.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: AtomicUsize,
    feeds: AtomicUsize,
}

/// What one feed has taken. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            max,
            used: AtomicUsize::new(0),
            feeds: AtomicUsize::new(0),
        }
    }

    /// How many bytes all feeds keep.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A share of a new feed.
    pub(crate) fn join(self: &Arc<Self>) -> Share {
        self.feeds.fetch_add(1, Ordering::Relaxed);
        Share {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }
}

impl Share {
    /// Says how much the feed keeps now.
    pub(crate) fn set(&mut self, bytes: usize) {
        let used = &self.budget.used;
        if bytes >= self.bytes {
            used.fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }

    /// Whether all feeds together would keep too much if this one kept so much.
    pub(crate) fn is_over(&self, bytes: usize) -> bool {
        // Others change theirs at the same time, so the sum may be off for a moment.
        let others = self.budget.used().saturating_sub(self.bytes);
        others.saturating_add(bytes) > self.budget.max
    }

    /// How much a feed keeps of what all its viewers have passed.
    pub(crate) fn tail(&self) -> usize {
        let feeds = self.budget.feeds.load(Ordering::Relaxed).max(1);
        TAIL.min(self.budget.max / TAILS_PART / feeds)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
        self.budget.feeds.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_given_back() {
        let budget = Arc::new(Budget::new(100));
        let (mut first, mut second) = (budget.join(), budget.join());
        first.set(70);
        second.set(20);
        assert_eq!(budget.used(), 90);
        assert!(!second.is_over(30));
        assert!(second.is_over(31));
        first.set(10);
        assert_eq!(budget.used(), 30);
        drop(second);
        assert_eq!(budget.used(), 10);
    }

    #[test]
    fn the_tails_of_all_feeds_take_a_quarter_of_the_budget_at_most() {
        let budget = Arc::new(Budget::new(10 * 1024 * 1024));
        let shares: Vec<_> = (0..1_000).map(|_| budget.join()).collect();
        assert!(1_000 * shares[0].tail() <= 10 * 1024 * 1024 / 4);
        let few = Arc::new(Budget::new(10 * 1024 * 1024)).join().tail();
        assert_eq!(few, TAIL);
    }
}
