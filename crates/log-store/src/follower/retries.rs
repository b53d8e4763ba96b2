//! When to read again while the store cannot be reached.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

/// The pauses between reads that fail, from the first failure to the next success.
#[derive(Debug)]
pub(super) struct Retries {
    pauses: ExponentialBuilder,
    outage: Option<Current>,
}

/// An outage that lasts.
#[derive(Debug)]
struct Current {
    since: Instant,
    failed_reads: u32,
    retry_at: Instant,
    pauses: ExponentialBackoff,
}

impl Retries {
    /// Pauses that double from `first` to `longest`.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(first.min(longest))
            .with_max_delay(longest)
            .without_max_times();
        Self {
            pauses,
            outage: None,
        }
    }

    /// No read before this moment.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.outage.as_ref().map(|outage| outage.retry_at)
    }

    /// Notes a failed read. Says since when reads fail, and how many have failed.
    pub(super) fn read_failed(&mut self) -> (Instant, u32) {
        let now = Instant::now();
        let outage = self.outage.get_or_insert_with(|| Current {
            since: now,
            failed_reads: 0,
            retry_at: now,
            pauses: self.pauses.build(),
        });
        outage.failed_reads = outage.failed_reads.saturating_add(1);
        outage.retry_at = now + outage.pauses.next().unwrap_or_default();
        (outage.since, outage.failed_reads)
    }

    /// Notes a successful read. Says how long the outage was that it ends.
    pub(super) fn read_succeeded(&mut self) -> Option<Duration> {
        self.outage.take().map(|outage| outage.since.elapsed())
    }
}
