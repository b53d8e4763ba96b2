//! How far a follower has come, what it is to read next, and what it has to say.

use std::collections::VecDeque;
use std::time::Duration;

use log_domain::{EndClock, EndRead, EndRules, EntryId, GapTracker, Job, JobEnd};
use tokio::time::Instant;

use super::event::{FollowEvent, NewLines, Outage};
use super::line_counts::LineCounts;
use super::options::FollowOptions;
use super::retries::Retries;
use crate::error::StoreError;
use crate::lines::TailRead;

pub(super) struct Progress {
    /// Everything up to here has been read, or is known to be gone.
    position: EntryId,
    /// How many lines were ever appended up to there, if this is known.
    count: Option<u64>,
    gaps: GapTracker,
    counts: LineCounts,
    pub(super) due: Due,
    /// The caller wants to hear of the next read of the log, whatever it finds.
    reread_wanted: bool,
    /// The last read of the log found that there is more.
    has_more: bool,
    /// Set while the job's status is terminal.
    end_clock: Option<EndClock>,
    end_rules: EndRules,
    /// The origin of the moments that the end clock is told.
    origin: Instant,
    retries: Retries,
    /// To be handed out, the oldest first: one read may be two events.
    events: VecDeque<FollowEvent>,
    /// The end or an error was handed out.
    finished: bool,
}

/// What is to be read. A flag stays set until a read has succeeded, because the notice that set it is used up.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) log: bool,
    pub(super) job: bool,
}

/// A read of the log: when it began, and whether it is the first one since the caller asked for one.
pub(super) struct LogRead {
    pub(super) began: Instant,
    pub(super) is_reread: bool,
}

impl Progress {
    pub(super) fn new(position: EntryId, options: &FollowOptions, longest_retry: Duration) -> Self {
        Self {
            position,
            count: (position == EntryId::ZERO).then_some(0),
            gaps: GapTracker::default(),
            counts: LineCounts::default(),
            due: Due::default(),
            reread_wanted: false,
            has_more: false,
            end_clock: None,
            end_rules: options.end,
            origin: Instant::now(),
            retries: Retries::new(options.retry, longest_retry),
            events: VecDeque::new(),
            finished: false,
        }
    }

    pub(super) fn position(&self) -> EntryId {
        self.position
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// What to hand out next. The end comes after everything else.
    pub(super) fn next_event(&mut self) -> Option<FollowEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let clock = self.end_clock.as_ref().filter(|_| !self.finished)?;
        if !clock.is_over(self.position) {
            return None;
        }
        self.finished = true;
        Some(FollowEvent::End {
            end: clock.end().clone(),
            position: self.position,
        })
    }

    pub(super) fn want_reread(&mut self) {
        self.due.log = true;
        self.reread_wanted = true;
    }

    /// Whether the read of the log that is about to begin is the one that was asked for.
    pub(super) fn take_reread(&mut self) -> bool {
        std::mem::take(&mut self.reread_wanted)
    }

    /// Whether the last read of the log found that there is more.
    pub(super) fn take_has_more(&mut self) -> bool {
        std::mem::take(&mut self.has_more)
    }

    /// Whether a read is to begin now.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        if self.end_read_at().is_some_and(|at| at <= now) {
            self.due.log = true;
        }
        let is_pausing = self.retries.retry_at().is_some_and(|at| at > now);
        (self.due.log || self.due.job) && !is_pausing
    }

    /// When something may be due without a notice.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        self.retries.retry_at().or_else(|| self.end_read_at())
    }

    /// When the log is to be looked at for its end.
    fn end_read_at(&self) -> Option<Instant> {
        let next_read = self.end_clock.as_ref().and_then(EndClock::next_read);
        next_read.map(|at| self.origin + at)
    }

    /// The job was read; `None` where it has no record.
    pub(super) fn job_was_read(&mut self, job: Option<&Job>) {
        self.due.job = false;
        let end = match job {
            Some(job) => JobEnd::from_status(&job.status),
            None => Some(JobEnd::Deleted),
        };
        match (&mut self.end_clock, end) {
            (clock, None) => *clock = None,
            (Some(clock), Some(end)) => clock.set_end(end),
            (clock @ None, Some(end)) => {
                *clock = Some(EndClock::new(end, self.end_rules));
                // What is there now must be read after the status was.
                self.due.log = true;
            }
        }
        // The log may be what cannot be read.
        if !self.due.log {
            self.end_outage();
        }
    }

    pub(super) fn log_was_read(&mut self, read: LogRead, found: TailRead) {
        self.end_outage();
        if let Some(clock) = &mut self.end_clock {
            clock.read_succeeded(EndRead {
                began: read.began - self.origin,
                ended: self.origin.elapsed(),
                found_lines: !found.lines.is_empty(),
                more: found.more,
                last_id: found.bounds.last_id,
            });
        }
        let before = self.position;
        let mut found = found;
        found.lost |= self.counts.shows_loss(&found);
        let gap = found.unreported_gap(before, &self.gaps);
        let counted = self.count.filter(|_| gap.is_some());
        let missing = counted.and_then(|count| found.bounds.missing_after(before, count));
        if let Some(gap) = gap {
            self.gaps.mark_reported(gap);
            self.position = gap.gap.resume_after;
        }
        self.position = match found.lines.last() {
            Some(line) => line.id,
            // The last lines of the log may be gone.
            None => self.position.max(found.bounds.last_id),
        };
        self.counts.note(&found, self.position);
        self.count = if self.position == found.bounds.last_id {
            Some(found.bounds.entries_added)
        } else {
            let skipped = if gap.is_some() { missing } else { Some(0) };
            let count = self.count.zip(skipped);
            count.map(|(count, skipped)| count + skipped + found.lines.len() as u64)
        };
        self.has_more = found.more || found.bounds.last_id > self.position;
        self.due.log = self.has_more || self.reread_wanted;
        let has_moved = gap.is_some() || self.position != before;
        if has_moved || read.is_reread {
            self.events.push_back(FollowEvent::Lines(NewLines {
                gap,
                missing,
                lines: found.lines,
                position: self.position,
                is_reread: read.is_reread,
            }));
        }
    }

    pub(super) fn log_read_failed(
        &mut self,
        read: LogRead,
        error: StoreError,
    ) -> Result<(), StoreError> {
        self.reread_wanted |= read.is_reread;
        self.read_failed(error)
    }

    /// A read has failed; returns an error for which trying again does not help.
    pub(super) fn read_failed(&mut self, error: StoreError) -> Result<(), StoreError> {
        if !error.is_retryable() {
            self.finished = true;
            return Err(error);
        }
        if let Some(clock) = &mut self.end_clock {
            clock.read_failed();
        }
        let (since, failed_reads) = self.retries.read_failed();
        self.events.push_back(FollowEvent::Unavailable(Outage {
            since,
            failed_reads,
            error,
        }));
        Ok(())
    }

    fn end_outage(&mut self) {
        if let Some(after) = self.retries.read_succeeded() {
            self.events.push_back(FollowEvent::Recovered { after });
        }
    }
}
