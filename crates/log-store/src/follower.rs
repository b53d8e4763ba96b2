//! Following one live log: waiting for changes, reading on, finding gaps, riding out outages, and the end.
//!
//! A [`Follower`] is the only reader of a live log. The hub shares one among all viewers of a job; a terminal uses one by
//! itself.

mod event;
mod line_counts;
mod options;
mod progress;
mod retries;
mod sources;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use tokio::time::Instant;

pub use self::event::{FollowEvent, NewLines, Outage};
pub use self::options::FollowOptions;
use self::progress::Progress;
use self::sources::{Answer, Sources};
use crate::error::StoreError;
use crate::jobs::Jobs;
use crate::lines::{LogStore, line_at};

/// Follows one job's log from a position on, until the log has ended.
///
/// - It waits for the store's notices and reads on from its own position, so it loses and repeats no line.
/// - Where lines may be missing, it says so before the next line, once for each gap.
/// - While the store cannot be reached, it tries again with growing pauses and says so.
/// - After the job's status has turned terminal, it reads on until the log is quiet or a limit is over, then it ends
///   (see [`log_domain::EndClock`]).
///
/// It has no task of its own: it does something only while [`Follower::next`] is polled. Dropping it frees its watches.
///
/// ```
/// use log_domain::{EntryId, JobId, JobStatus, Start, UserId};
/// use log_store::{
///     FollowEvent, FollowOptions, Follower, JobWrites, LogAppend, MemoryStore, NewJob, NewLine, Transition,
/// };
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new(); // or any other
/// let job: JobId = "build-1".parse()?;
/// # let owner = UserId::new("user_ann").ok_or("an empty user id")?;
/// # store.create(&job, &NewJob::new(owner, std::time::SystemTime::now())).await?;
/// let line = NewLine::new("Compiling");
/// store.append(&job, &[line]).await?;
/// # let failed = Transition::new(JobStatus::FAILED, "", std::time::SystemTime::now());
/// # store.transition(&job, &failed).await?;
///
/// let start = Start::After(EntryId::ZERO); // the whole log, then live
/// let mut follower = Follower::open(&store, &store, &job, start, FollowOptions::default()).await?;
/// let mut seen = Vec::new();
/// while let Some(event) = follower.next().await? {
///     match event {
///         FollowEvent::Lines(new) => {
///             if let Some(found) = new.gap {
///                 seen.push(format!("lines after {} may be missing", found.gap.after_id));
///             }
///             seen.extend(new.lines.into_iter().filter_map(|line| line.text));
///         }
///         FollowEvent::Unavailable(outage) => seen.push(format!("trying again: {}", outage.error)),
///         FollowEvent::Recovered { .. } => seen.push("the store is back".into()),
///         FollowEvent::End { end, .. } => seen.push(end.as_str().into()),
///         _ => {} // what a later version may add
///     }
/// }
/// assert_eq!(seen, ["Compiling", "failed"]);
/// # Ok(())
/// # }
/// ```
pub struct Follower {
    sources: Sources,
    options: FollowOptions,
    progress: Progress,
}

impl Follower {
    /// The longest pause between two reads while the store cannot be reached.
    pub const LONGEST_RETRY: Duration = Duration::from_secs(1);

    /// Follows a job's log from `start` on. [`Start::Live`] means: after the last line that is there at this moment.
    ///
    /// This does not ask whether the job exists: a job without a record ends as [`log_domain::JobEnd::Deleted`].
    ///
    /// # Errors
    /// For [`Start::Live`], where the store could not be read.
    pub async fn open(
        store: &dyn LogStore,
        jobs: &dyn Jobs,
        job: &JobId,
        start: Start,
        options: FollowOptions,
    ) -> Result<Self, StoreError> {
        let position = match start {
            Start::After(position) => position,
            Start::AfterTime(time) => line_at(store, job, time).await?,
            Start::Live => store.bounds(job).await?.last_id,
        };
        Ok(Self::new(store, jobs, job, position, options))
    }

    /// Follows a job's log after a position. Reads nothing yet.
    #[must_use]
    pub fn new(
        store: &dyn LogStore,
        jobs: &dyn Jobs,
        job: &JobId,
        position: EntryId,
        options: FollowOptions,
    ) -> Self {
        Self {
            sources: Sources::new(store.watch_log(job), jobs.watch_job(job)),
            options,
            progress: Progress::new(position, &options, Self::LONGEST_RETRY),
        }
    }

    /// Everything up to here has been read, or is known to be gone.
    #[must_use]
    pub fn position(&self) -> EntryId {
        self.progress.position()
    }

    /// Reads the log again although the store reports no change. The read is handed out whatever it finds, with
    /// [`NewLines::is_reread`].
    pub fn reread(&mut self) {
        self.progress.want_reread();
    }

    /// The next event; `None` after the end and after an error. Waits where there is nothing new.
    ///
    /// Cancel-safe: a dropped call loses nothing, and a read that is under way goes on at the next call.
    ///
    /// # Errors
    /// The store refuses to be read, and trying again would not help.
    pub async fn next(&mut self) -> Result<Option<FollowEvent>, StoreError> {
        loop {
            if let Some(event) = self.progress.next_event() {
                return Ok(Some(event));
            }
            if self.progress.is_finished() {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Does one read, as soon as one is due. At most one read is under way at a time.
    async fn read(&mut self) -> Result<(), StoreError> {
        if !self.sources.is_reading() {
            if self.progress.take_has_more() {
                // Others on this thread get their turn between two batches.
                tokio::task::yield_now().await;
            }
            self.wait_until_due().await;
            // The job first: the log must be read after a terminal status was seen.
            if self.progress.due.job {
                self.sources.read_job();
            } else {
                let is_reread = self.progress.take_reread();
                let position = self.progress.position();
                let limit = self.options.read;
                self.sources.read_log(position, limit, is_reread);
            }
        }
        match self.sources.answer().await {
            Answer::Job(Ok(job)) => self.progress.job_was_read(job.as_ref()),
            Answer::Log(read, Ok(found)) => self.progress.log_was_read(read, found),
            Answer::Job(Err(error)) => self.progress.read_failed(error)?,
            Answer::Log(read, Err(error)) => self.progress.log_read_failed(read, error)?,
        }
        Ok(())
    }

    /// Waits until a read is due: after a notice, when the log must be looked at for its end, or when a pause is over.
    async fn wait_until_due(&mut self) {
        let progress = &mut self.progress;
        while !progress.is_due(Instant::now()) {
            let wake_at = progress.wake_at();
            self.sources.wait(&mut progress.due, wake_at).await;
        }
        // Also before each read of a log that always has more, or a terminal status would never be seen.
        if !progress.due.job {
            self.sources.look_at_job(&mut progress.due).await;
        }
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
