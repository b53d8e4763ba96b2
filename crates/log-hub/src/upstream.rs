//! The one reader of a job's log: it follows the store and fills the feed.

use std::sync::Arc;
use std::time::Duration;

use log_domain::EntryId;
use log_store::{JobWatch, LogWatch, ReadError};
use log_wire::sse::EndStatus;
use tokio::time::{self, Instant};

use crate::end::EndClock;
use crate::feed::{End, Feed};
use crate::hub::Shared;
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
            end: None,
            log_is_due: false,
            record_is_due: false,
            retry,
            retry_at: None,
            deserted_since: None,
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
                self.shared.retire(&self.feed, false);
                self.feed.publish(|state| state.end = Some(end));
            }
            Leave::Refused => {
                self.shared.retire(&self.feed, false);
                self.feed.publish(|state| state.broken = true);
            }
            Leave::Deserted => {}
        }
        Counters::sub(&self.shared.counters.feeds, 1);
    }

    /// Waits for something to do, and does it.
    async fn step(&mut self) -> Option<Leave> {
        if self.wait().await && self.shared.retire(&self.feed, true) {
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
        let now = Instant::now();
        self.deserted_since = match (self.feed.lock().is_deserted(), self.deserted_since) {
            (true, since) => since.or(Some(now)),
            (false, _) => None,
        };
        let linger_over = self
            .deserted_since
            .map(|since| since + self.shared.options.linger);
        let read_at = self.next_unasked_read(now);
        let wake_at = [linger_over, read_at].into_iter().flatten().min();
        let has_wake_at = wake_at.is_some();
        tokio::select! {
            () = self.log.changed(), if !self.log_is_due => self.log_is_due = true,
            () = self.record.changed(), if !self.record_is_due => self.record_is_due = true,
            () = self.feed.deserted.notified() => {}
            () = time::sleep_until(wake_at.unwrap_or(now)), if has_wake_at => {}
        }
        if read_at.is_some_and(|at| Instant::now() >= at) && self.retry_at.is_none() {
            self.log_is_due = true;
        }
        linger_over.is_some_and(|over| Instant::now() >= over)
    }

    /// When to go on without a notice: after a pause, or to see whether an ending log is quiet.
    fn next_unasked_read(&self, now: Instant) -> Option<Instant> {
        let options = &self.shared.options;
        let patience = |clock: &EndClock| clock.patience(options.end_quiet, options.end_limit);
        self.retry_at
            .or_else(|| self.end.as_ref().map(|clock| now + patience(clock)))
    }

    async fn read_what_is_due(&mut self) -> Result<(), ReadError> {
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

    async fn read_record(&mut self) -> Result<(), ReadError> {
        let status = match self.record.get().await? {
            Some(job) => EndStatus::of(&job.status),
            None => Some(EndStatus::Deleted),
        };
        match (&mut self.end, status) {
            (Some(clock), Some(status)) => clock.set_status(status),
            (end, None) => *end = None,
            (end, Some(status)) => {
                *end = Some(EndClock::new(status));
                // What is there now must be read after the status was.
                self.log_is_due = true;
            }
        }
        Ok(())
    }

    /// Reads on until the log has nothing more, or has ended.
    async fn read_log(&mut self) -> Result<(), ReadError> {
        loop {
            let began = Instant::now();
            let read = self
                .log
                .read_on(self.position, self.shared.options.read)
                .await?;
            if let Some(clock) = &mut self.end {
                clock.read(began, !read.lines.is_empty(), read.bounds.last_id);
            }
            let gap = read.gap(self.position);
            if gap.is_some() || !read.lines.is_empty() {
                Counters::add(&self.shared.counters.lines, read.lines.len() as u64);
                self.feed.publish(|state| {
                    if let Some(gap) = gap {
                        state.ring.push_gap(gap);
                    }
                    state.ring.push_lines(&read.lines);
                });
                self.position = self.feed.lock().ring.tip();
            }
            if !read.more || self.reached_end().is_some() {
                return Ok(());
            }
            // Viewers on this thread get their turn before the next batch.
            tokio::task::yield_now().await;
        }
    }

    fn reached_end(&self) -> Option<End> {
        let options = &self.shared.options;
        let clock = self.end.as_ref()?;
        let over = clock.is_over(self.position, options.end_quiet, options.end_limit);
        over.then(|| End {
            status: clock.status(),
            position: self.position,
        })
    }

    /// What was due stays due; the notice that asked for it is used up.
    fn pause(&mut self, error: &ReadError) {
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
