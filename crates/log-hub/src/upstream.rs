//! The one reader of a job's log: it follows the store and fills the feed.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EndClock, EndRead, EndRules, EntryId, GapTracker, JobEnd};
use log_store::{JobWatch, LogWatch, StoreError, TailRead};
use tokio::time::{self, Instant};

use crate::feed::{End, Feed};
use crate::shared::Shared;
use crate::stats::Counters;

/// The longest pause after a failed read: well under the five seconds in which streams must go on again.
const MAX_RETRY: Duration = Duration::from_secs(1);

/// A feed's task. Ends when the log has ended, when nobody has watched for the linger, or when the store refuses.
pub(crate) struct Upstream {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    log: Box<dyn LogWatch>,
    record: Box<dyn JobWatch>,
    /// Everything up to here has been read.
    position: EntryId,
    /// The gap pushed last.
    gaps: GapTracker,
    /// Set while the job's status is terminal.
    end: Option<EndClock>,
    log_is_due: bool,
    record_is_due: bool,
    /// The pause after the next failed read.
    retry: Duration,
    /// No read before this moment, after one has failed.
    retry_at: Option<Instant>,
    /// Since when nobody watches.
    deserted_since: Option<Instant>,
    /// The origin of the moments that the end clock is told.
    origin: Instant,
}

/// Why the task ends.
enum Leave {
    Ended(End),
    Deserted,
    Refused,
}

impl Upstream {
    pub(crate) fn new(shared: Arc<Shared>, feed: Arc<Feed>, position: EntryId) -> Self {
        let log = shared.store.watch(&feed.job);
        let record = shared.jobs.watch(&feed.job);
        let retry = shared.options.retry;
        Self {
            shared,
            feed,
            log,
            record,
            position,
            gaps: GapTracker::default(),
            end: None,
            log_is_due: false,
            record_is_due: false,
            retry,
            retry_at: None,
            deserted_since: None,
            origin: Instant::now(),
        }
    }

    pub(crate) async fn run(mut self) {
        let leave = loop {
            if let Some(leave) = self.step().await {
                break leave;
            }
        };
        match leave {
            Leave::Ended(end) => {
                // First out of the registry, so that whoever comes now looks at the log anew.
                self.shared.registry.retire(&self.feed);
                self.feed.publish(|state| state.end = Some(end));
            }
            // The drop does the rest.
            Leave::Refused | Leave::Deserted => {}
        }
    }

    /// Waits for something to do, and does it.
    async fn step(&mut self) -> Option<Leave> {
        if self.wait().await && self.shared.registry.retire_deserted(&self.feed) {
            return Some(Leave::Deserted);
        }
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        match self.read_what_is_due().await {
            Ok(()) => {
                self.retry = self.shared.options.retry;
                self.retry_at = None;
            }
            Err(error) if error.is_retryable() => self.pause(&error),
            Err(error) => {
                tracing::error!(job = %self.feed.job, %error, "the store refuses; streams are broken off");
                return Some(Leave::Refused);
            }
        }
        self.reached_end().map(Leave::Ended)
    }

    /// Waits for a notice, for a moment at which to read unasked, or for the linger to be over (then `true`).
    async fn wait(&mut self) -> bool {
        if !self.feed.lock().is_deserted() {
            self.deserted_since = None;
        }
        let linger_over = self
            .deserted_since
            .map(|since| since + self.shared.options.linger);
        let read_at = self.next_unasked_read();
        let wake_at = [linger_over, read_at].into_iter().flatten().min();
        let sleep = async {
            match wake_at {
                Some(at) => time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.log.changed(), if !self.log_is_due => self.log_is_due = true,
            () = self.record.changed(), if !self.record_is_due => self.record_is_due = true,
            () = self.feed.lost.notified() => self.log_is_due = true,
            // Told each time the last viewer leaves, so the linger counts from the last of these.
            () = self.feed.deserted.notified() => self.deserted_since = Some(Instant::now()),
            () = sleep => {}
        }
        if self.retry_at.is_none() && read_at.is_some_and(|at| Instant::now() >= at) {
            self.log_is_due = true;
        }
        self.linger_is_over()
    }

    fn linger_is_over(&self) -> bool {
        let linger = self.shared.options.linger;
        self.deserted_since
            .is_some_and(|since| since.elapsed() >= linger)
    }

    /// When to go on without a notice: after a pause, or to see whether an ending log is quiet.
    fn next_unasked_read(&self) -> Option<Instant> {
        let ending = |clock: &EndClock| clock.next_read().map(|at| self.origin + at);
        self.retry_at.or_else(|| self.end.as_ref().and_then(ending))
    }

    async fn read_what_is_due(&mut self) -> Result<(), StoreError> {
        if self.record_is_due {
            self.read_record().await?;
            self.record_is_due = false;
        }
        if self.log_is_due {
            self.read_log().await?;
            self.log_is_due = false;
        }
        Ok(())
    }

    async fn read_record(&mut self) -> Result<(), StoreError> {
        let status = match self.record.get().await? {
            Some(job) => JobEnd::from_status(&job.status),
            None => Some(JobEnd::Deleted),
        };
        let rules = EndRules {
            quiet: self.shared.options.end_quiet,
            limit: self.shared.options.end_limit,
        };
        match (&mut self.end, status) {
            (Some(clock), Some(status)) => clock.set_end(status),
            (end, None) => *end = None,
            (end, Some(status)) => {
                *end = Some(EndClock::new(status, rules));
                // What is there now must be read after the status was.
                self.log_is_due = true;
            }
        }
        Ok(())
    }

    /// Reads on until the log has nothing more, or has ended.
    async fn read_log(&mut self) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            let was_lost = self.feed.lock().ring.is_lost();
            let limit = self.shared.options.read;
            let read = self.log.read_after(self.position, limit).await?;
            if let Some(clock) = &mut self.end {
                clock.read_succeeded(EndRead {
                    began: began - self.origin,
                    ended: self.origin.elapsed(),
                    found_lines: !read.lines.is_empty(),
                    more: read.more,
                    last_id: read.bounds.last_id,
                });
            }
            self.push(&read, was_lost);
            // Where the last lines were deleted, the next read finds nothing, and the end of the log is the position.
            let at_end = !read.more && read.bounds.last_id <= self.position;
            if at_end || self.reached_end().is_some() {
                return Ok(());
            }
            // Viewers on this thread get their turn before the next batch.
            tokio::task::yield_now().await;
        }
    }

    /// Hands on what a read has found. A ring that `was_lost` before the read shows the log as it is now again.
    fn push(&mut self, read: &TailRead, was_lost: bool) {
        let missing = self
            .gaps
            .unreported(self.position, &read.lines, &read.bounds);
        let at_end = read.bounds.last_id <= self.position;
        if missing.is_none() && read.lines.is_empty() && at_end && !was_lost {
            return;
        }
        if let Some(missing) = missing {
            self.gaps.mark_reported(missing);
        }
        Counters::add(&self.shared.counters.lines, read.lines.len() as u64);
        self.feed.publish(|state| {
            if let Some(missing) = missing {
                state.ring.push_gap(missing);
            }
            if was_lost {
                state.ring.found();
            }
            state.ring.push_lines(&read.lines);
            if read.lines.is_empty() {
                state.ring.skip_to(read.bounds.last_id);
            }
            self.position = state.ring.tip();
        });
    }

    fn reached_end(&self) -> Option<End> {
        let clock = self.end.as_ref()?;
        let over = clock.is_over(self.position);
        over.then(|| End {
            status: clock.end(),
            position: self.position,
        })
    }

    /// What was due stays due; the notice that asked for it is used up.
    fn pause(&mut self, error: &StoreError) {
        Counters::add(&self.shared.counters.failed_reads, 1);
        if self.retry == self.shared.options.retry {
            tracing::warn!(job = %self.feed.job, %error, "a live log cannot be read; streams stay open");
        }
        if let Some(clock) = &mut self.end {
            clock.read_failed();
        }
        self.retry_at = Some(Instant::now() + self.retry);
        self.retry = (self.retry * 2).min(MAX_RETRY);
    }
}

impl Drop for Upstream {
    /// However the task ends, with a panic of the store or with its runtime too: nobody joins a feed, or waits for
    /// one, that nobody fills.
    fn drop(&mut self) {
        self.shared.registry.retire(&self.feed);
        self.feed
            .publish(|state| state.broken |= state.end.is_none());
        Counters::sub(&self.shared.counters.feeds, 1);
    }
}
