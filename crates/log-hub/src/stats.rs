//! What the hub counts, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) viewers: AtomicU64,
    pub(crate) feeds: AtomicU64,
    pub(crate) lines: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) catch_up_reads: AtomicU64,
    pub(crate) failed_reads: AtomicU64,
}

/// A snapshot of what the hub does and has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HubStats {
    /// Open viewers.
    pub viewers: u64,
    /// Watched jobs, with those that go on for the linger.
    pub feeds: u64,
    /// Lines read by feeds since the start. A line counts once, however many viewers it has.
    pub lines: u64,
    /// Gaps reported to viewers since the start.
    pub gaps: u64,
    /// Reads of the store for viewers that catch up, since the start.
    pub catch_up_reads: u64,
    /// Reads that failed, since the start.
    pub failed_reads: u64,
    /// Bytes that all feeds keep now, see [`crate::HubOptions::feeds_bytes`].
    pub kept_bytes: u64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn sub(counter: &AtomicU64, n: u64) {
        counter.fetch_sub(n, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> HubStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HubStats {
            viewers: read(&self.viewers),
            feeds: read(&self.feeds),
            lines: read(&self.lines),
            gaps: read(&self.gaps),
            catch_up_reads: read(&self.catch_up_reads),
            failed_reads: read(&self.failed_reads),
            kept_bytes: 0,
        }
    }
}
