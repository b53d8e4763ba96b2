//! When a log has ended, after its job's status has.
//!
//! A producer may go on writing for a moment after the job's status has turned terminal, or for ever. So the log ends when
//! one of two clocks has run out, whichever comes first:
//!
//! - **quiet**: no new line for [`EndRules::quiet`];
//! - **limit**: [`EndRules::limit`] since the status was seen, however many lines come.
//!
//! Both clocks count only the time between successful reads. An outage of the store ends no log.

use std::time::Duration;

use crate::entry_id::EntryId;
use crate::job_end::JobEnd;

/// The shortest wait for the next read: a reader never spins.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A read that took longer than this has waited for the store to come back. It counts as a failed read that was repeated.
/// Far above what a slow read takes, and below the deadline after which a store says by itself that it is away.
const LONGEST_READ: Duration = Duration::from_millis(500);

/// How long a follower goes on after a terminal status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndRules {
    /// The log has ended when nothing new has come for this long.
    pub quiet: Duration,
    /// The log has ended this long after the status was seen, even where lines still come.
    pub limit: Duration,
}

/// Runs from the terminal status of a job to the end of its log.
///
/// It reads no clock. The caller gives each moment as the time that has passed since an origin of the caller's own.
///
/// ```
/// use std::time::Duration;
/// use log_domain::{EndClock, EndRead, EndRules, EntryId, JobEnd, JobStatus};
///
/// let rules = EndRules { quiet: Duration::from_millis(250), limit: Duration::from_secs(5) };
/// let last_id = EntryId::new(9, 0);
/// let mut clock = EndClock::new(JobEnd::Status(JobStatus::READY), rules);
/// for ms in [0, 250] {
///     let now = Duration::from_millis(ms);
///     clock.read_succeeded(EndRead { began: now, ended: now, found_lines: false, more: false, last_id });
/// }
/// assert!(clock.is_over(last_id), "nothing new came for 250 ms");
/// ```
#[derive(Debug, Clone)]
pub struct EndClock {
    end: JobEnd,
    rules: EndRules,
    quiet_for: Duration,
    running_for: Duration,
    /// The last successful read since the status was seen; `None` before the first read and after a failure.
    last_read: Option<Duration>,
    /// The end of the log when the status was seen. Lines up to here are delivered whatever the limit is. `None` before
    /// the first read; the smallest id once a read has reached the end of the log.
    must_reach: Option<EntryId>,
}

/// A successful read of the log that began after the status was seen. Its times are those since any fixed moment, which is
/// the same for all reads of one log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndRead {
    /// When the read began.
    pub began: Duration,
    /// When its answer came.
    pub ended: Duration,
    /// Whether it found a line.
    pub found_lines: bool,
    /// Whether there was more to read.
    pub more: bool,
    /// The last id of the log.
    pub last_id: EntryId,
}

impl EndClock {
    /// A clock that begins with the first read it is told of.
    #[must_use]
    pub const fn new(end: JobEnd, rules: EndRules) -> Self {
        Self {
            end,
            rules,
            quiet_for: Duration::ZERO,
            running_for: Duration::ZERO,
            last_read: None,
            must_reach: None,
        }
    }

    /// How the job ended.
    #[must_use]
    pub const fn end(&self) -> &JobEnd {
        &self.end
    }

    /// Changes how the job ended, while the clock runs on: a job may fail first, and its record be deleted then.
    pub fn set_end(&mut self, end: JobEnd) {
        self.end = end;
    }

    /// Notes a successful read.
    pub fn read_succeeded(&mut self, read: EndRead) {
        let waited_for_store = read.ended.saturating_sub(read.began) > LONGEST_READ;
        let at = if waited_for_store {
            self.read_failed();
            read.ended
        } else {
            read.began
        };
        let elapsed = self
            .last_read
            .map_or(Duration::ZERO, |last| at.saturating_sub(last));
        self.last_read = Some(at);
        self.running_for += elapsed;
        self.quiet_for = if read.found_lines {
            Duration::ZERO
        } else {
            self.quiet_for + elapsed
        };
        // Not by ids alone: a log that is lost and made anew may never reach the last id of the old one.
        self.must_reach = if read.more {
            self.must_reach.or(Some(read.last_id))
        } else {
            Some(EntryId::ZERO)
        };
    }

    /// Notes a failed read: the time since the last successful one does not count.
    pub const fn read_failed(&mut self) {
        self.last_read = None;
    }

    /// Whether the log has ended for a reader that has read everything up to `position`.
    #[must_use]
    pub fn is_over(&self, position: EntryId) -> bool {
        let has_reached = self.must_reach.is_some_and(|id| position >= id);
        let limit_is_over = self.running_for >= self.rules.limit && has_reached;
        let is_quiet = self.quiet_for >= self.rules.quiet;
        self.last_read.is_some() && (is_quiet || limit_is_over)
    }

    /// When to read again although the store reports no change, since the same moment as the times of [`EndRead`]. `None`
    /// before the first read and after a failed one: a read is due then anyway.
    #[must_use]
    pub fn next_read(&self) -> Option<Duration> {
        let quiet_left = self.rules.quiet.saturating_sub(self.quiet_for);
        let limit_left = self.rules.limit.saturating_sub(self.running_for);
        let wait = quiet_left.min(limit_left).max(SHORTEST_WAIT);
        self.last_read.map(|last| last + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::JobStatus;

    const RULES: EndRules = EndRules {
        quiet: Duration::from_millis(250),
        limit: Duration::from_secs(5),
    };

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn clock() -> EndClock {
        EndClock::new(JobEnd::Status(JobStatus::READY), RULES)
    }

    /// A read that took no time and reached the end of the log.
    fn read(at: u64, found_lines: bool, last_id: EntryId) -> EndRead {
        EndRead {
            began: ms(at),
            ended: ms(at),
            found_lines,
            more: false,
            last_id,
        }
    }

    /// The same, with more to read.
    fn read_with_more(at: u64, last_id: EntryId) -> EndRead {
        EndRead {
            more: true,
            ..read(at, true, last_id)
        }
    }

    #[test]
    fn a_log_ends_after_the_quiet_period() {
        let mut clock = clock();
        for (at, is_over) in [(0, false), (249, false), (250, true)] {
            clock.read_succeeded(read(at, false, id(1)));
            assert_eq!(clock.is_over(id(1)), is_over, "{at}");
        }
    }

    #[test]
    fn a_line_starts_the_quiet_period_anew() {
        let mut clock = clock();
        clock.read_succeeded(read(0, false, id(1)));
        clock.read_succeeded(read(200, true, id(2)));
        clock.read_succeeded(read(400, false, id(2)));
        assert!(!clock.is_over(id(2)));
        clock.read_succeeded(read(450, false, id(2)));
        assert!(clock.is_over(id(2)));
    }

    #[test]
    fn a_producer_that_never_stops_is_cut_at_the_limit() {
        let mut clock = clock();
        for at in (0..5000).step_by(100) {
            clock.read_succeeded(read(at, true, id(at)));
            assert!(!clock.is_over(id(at)), "{at}");
        }
        clock.read_succeeded(read(5000, true, id(5000)));
        assert!(clock.is_over(id(5000)));
    }

    #[test]
    fn what_was_there_when_the_status_was_seen_is_delivered_beyond_the_limit() {
        let mut clock = clock();
        clock.read_succeeded(read_with_more(0, id(1000)));
        clock.read_succeeded(read_with_more(6000, id(2000)));
        assert!(!clock.is_over(id(999)));
        assert!(clock.is_over(id(1000)));
    }

    #[test]
    fn a_log_made_anew_with_lower_ids_need_not_reach_the_old_last_id() {
        let mut clock = clock();
        clock.read_succeeded(read_with_more(0, id(1000)));
        clock.read_succeeded(read(100, true, id(7)));
        clock.read_succeeded(read_with_more(5100, id(90)));
        assert!(clock.is_over(id(50)));
    }

    #[test]
    fn neither_clock_runs_while_the_store_is_away() {
        let mut clock = clock();
        clock.read_succeeded(read(0, false, id(1)));
        clock.read_failed();
        assert!(!clock.is_over(id(1)));
        clock.read_succeeded(read(60_000, false, id(1)));
        assert!(!clock.is_over(id(1)));
        let expected = Some(ms(60_250));
        assert_eq!(
            clock.next_read(),
            expected,
            "the outage has used up nothing"
        );
        clock.read_succeeded(read(60_250, false, id(1)));
        assert!(clock.is_over(id(1)));
    }

    #[test]
    fn a_read_that_waited_for_the_store_to_come_back_counts_as_a_failed_one() {
        let mut clock = clock();
        clock.read_succeeded(read(0, false, id(1)));
        clock.read_succeeded(EndRead {
            ended: ms(9000),
            ..read(250, false, id(1))
        });
        assert!(!clock.is_over(id(1)));
        clock.read_succeeded(read(9249, false, id(1)));
        assert!(!clock.is_over(id(1)));
        clock.read_succeeded(read(9250, false, id(1)));
        assert!(clock.is_over(id(1)));
    }

    #[test]
    fn the_way_a_job_ended_may_change_while_the_clock_runs() {
        let mut clock = clock();
        clock.read_succeeded(read(0, false, id(1)));
        clock.set_end(JobEnd::Deleted);
        clock.read_succeeded(read(250, false, id(1)));
        assert!(clock.is_over(id(1)));
        assert_eq!(*clock.end(), JobEnd::Deleted);
    }
}
