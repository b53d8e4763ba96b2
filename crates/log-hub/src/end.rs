//! When a log has ended, after its job's status has.
//!
//! A producer may go on writing for a moment, or for ever. Both clocks count only time between successful reads,
//! so that an outage of the store ends nothing.

use std::time::Duration;

use log_domain::EntryId;
use log_wire::sse::EndStatus;
use tokio::time::Instant;

/// A read that is due at once still leaves others their turn.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A read that took longer has waited for the store to come back, so it counts as one that failed and was repeated.
/// Far above what a slow read takes, and below the deadline after which a store says by itself that it is away.
const HELD_UP: Duration = Duration::from_millis(500);

/// Runs from the terminal status to the end of the log.
#[derive(Debug)]
pub(crate) struct EndClock {
    status: EndStatus,
    quiet_for: Duration,
    running_for: Duration,
    /// The last successful read since the status was seen; `None` before the first and after a failure.
    last_read: Option<Instant>,
    /// The end of what was there when the status was seen: it is delivered whatever the limit. `None` before the
    /// first read; the smallest id once a read has reached the end of the log.
    owed: Option<EntryId>,
}

/// A successful read of the log that began after the status was seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) found_lines: bool,
    /// Whether there was more to read.
    pub(crate) more: bool,
    /// The end of the log.
    pub(crate) last_id: EntryId,
}

impl EndClock {
    pub(crate) fn new(status: EndStatus) -> Self {
        Self {
            status,
            quiet_for: Duration::ZERO,
            running_for: Duration::ZERO,
            last_read: None,
            owed: None,
        }
    }

    pub(crate) fn status(&self) -> EndStatus {
        self.status
    }

    /// A job may be `failed` first and its record deleted then; the clock runs on.
    pub(crate) fn set_status(&mut self, status: EndStatus) {
        self.status = status;
    }

    /// A read succeeded.
    pub(crate) fn read(&mut self, tail: Tail) {
        let began = if tail.ended - tail.began > HELD_UP {
            self.read_failed();
            tail.ended
        } else {
            tail.began
        };
        let elapsed = self.last_read.map_or(Duration::ZERO, |last| began - last);
        self.last_read = Some(began);
        self.running_for += elapsed;
        self.quiet_for = if tail.found_lines {
            Duration::ZERO
        } else {
            self.quiet_for + elapsed
        };
        // Not by ids alone: a log that is lost and made anew may never get to the old one's again.
        self.owed = if tail.more {
            self.owed.or(Some(tail.last_id))
        } else {
            Some(EntryId::ZERO)
        };
    }

    /// A read failed: the time since the last success does not count.
    pub(crate) fn read_failed(&mut self) {
        self.last_read = None;
    }

    /// Whether a feed at `position` has reached the end of its log.
    pub(crate) fn is_over(&self, position: EntryId, quiet: Duration, limit: Duration) -> bool {
        let paid = self.owed.is_some_and(|owed| position >= owed);
        let reached_limit = self.running_for >= limit && paid;
        self.last_read.is_some() && (self.quiet_for >= quiet || reached_limit)
    }

    /// When to read without a notice. `None` while a read is due anyway: before the first, and after a failure.
    pub(crate) fn next_read(&self, quiet: Duration, limit: Duration) -> Option<Instant> {
        let quiet_left = quiet.saturating_sub(self.quiet_for);
        let limit_left = limit.saturating_sub(self.running_for);
        let patience = quiet_left.min(limit_left).max(SHORTEST_WAIT);
        self.last_read.map(|last| last + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_millis(250);
    const LIMIT: Duration = Duration::from_secs(5);

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn tail(began: Instant, found_lines: bool, last_id: EntryId) -> Tail {
        Tail {
            began,
            ended: began,
            found_lines,
            more: false,
            last_id,
        }
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn a_log_ends_after_the_quiet_period() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        clock.read(tail(start, false, id(1)));
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        clock.read(tail(after(start, 249), false, id(1)));
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        clock.read(tail(after(start, 250), false, id(1)));
        assert!(clock.is_over(id(1), QUIET, LIMIT));
    }

    #[test]
    fn a_line_starts_the_quiet_period_anew() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        clock.read(tail(start, false, id(1)));
        clock.read(tail(after(start, 200), true, id(2)));
        clock.read(tail(after(start, 400), false, id(2)));
        assert!(!clock.is_over(id(2), QUIET, LIMIT));
        clock.read(tail(after(start, 450), false, id(2)));
        assert!(clock.is_over(id(2), QUIET, LIMIT));
    }

    #[test]
    fn a_producer_that_never_stops_is_cut_at_the_limit() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Failed);
        for ms in (0..5000).step_by(100) {
            clock.read(tail(after(start, ms), true, id(ms)));
            assert!(!clock.is_over(id(ms), QUIET, LIMIT), "{ms}");
        }
        clock.read(tail(after(start, 5000), true, id(5000)));
        assert!(clock.is_over(id(5000), QUIET, LIMIT));
    }

    #[test]
    fn what_was_there_at_the_status_is_delivered_beyond_the_limit() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        let more = |began, last_id| Tail {
            more: true,
            ..tail(began, true, last_id)
        };
        clock.read(more(start, id(1000)));
        clock.read(more(after(start, 6000), id(2000)));
        assert!(!clock.is_over(id(999), QUIET, LIMIT));
        assert!(clock.is_over(id(1000), QUIET, LIMIT));
    }

    #[test]
    fn a_log_made_anew_with_lower_ids_owes_nothing_of_the_old_one() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        let more = true;
        clock.read(Tail {
            more,
            ..tail(start, true, id(1000))
        });
        clock.read(tail(after(start, 100), true, id(7)));
        clock.read(Tail {
            more,
            ..tail(after(start, 5100), true, id(90))
        });
        assert!(clock.is_over(id(50), QUIET, LIMIT));
    }

    #[test]
    fn neither_clock_runs_while_the_store_is_away() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        clock.read(tail(start, false, id(1)));
        clock.read_failed();
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        clock.read(tail(after(start, 60_000), false, id(1)));
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        assert_eq!(
            clock.next_read(QUIET, LIMIT),
            Some(after(start, 60_250)),
            "the outage has used up nothing"
        );
        clock.read(tail(after(start, 60_250), false, id(1)));
        assert!(clock.is_over(id(1), QUIET, LIMIT));
    }

    #[test]
    fn a_read_that_waited_for_the_store_to_come_back_counts_as_one_that_failed() {
        let start = Instant::now();
        let mut clock = EndClock::new(EndStatus::Ready);
        clock.read(tail(start, false, id(1)));
        clock.read(Tail {
            ended: after(start, 9000),
            ..tail(after(start, 250), false, id(1))
        });
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        clock.read(tail(after(start, 9249), false, id(1)));
        assert!(!clock.is_over(id(1), QUIET, LIMIT));
        clock.read(tail(after(start, 9250), false, id(1)));
        assert!(clock.is_over(id(1), QUIET, LIMIT));
    }
}
