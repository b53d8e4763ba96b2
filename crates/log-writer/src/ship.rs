//! The shipper: takes batches from the queue and appends each line once.
//!
//! One append is on its way at a time, which keeps the order. An append that failed may still have appended a
//! beginning of its lines, so before it tries again the shipper reads what the log holds after its last known
//! line, and sends only what is not there: see [`crate::read_back`] and `docs/adr/0007-append-once.md`.

use std::sync::Arc;

use log_domain::{EntryId, JobId, ReadLimit};
use log_store::{LogAppend, LogStore, NewLine, StoreError, StoreRefused, StoreUnavailable};
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use crate::options::{Backoff, RetryOptions};
use crate::queue::{Batch, Queue};
use crate::read_back::ReadBack;

/// Most lines of one read when looking for lines whose append had no answer.
const READ_BACK_LINES: usize = 1_000;

/// Ships the lines of one job. Lives in a task of its own, until the queue has been closed and emptied.
pub(crate) struct Shipper {
    pub(crate) queue: Arc<Queue>,
    pub(crate) append: Arc<dyn LogAppend>,
    pub(crate) log: Arc<dyn LogStore>,
    pub(crate) job: JobId,
    pub(crate) retry: RetryOptions,
    /// A position before which every line of ours that was ever sent is known to stand: the log's last id at the
    /// start, then the last line that was appended. `None` until the log could be read once.
    pub(crate) position: Option<EntryId>,
}

/// Why an attempt to append did not end well.
enum Setback {
    /// Worth trying again.
    Away(StoreUnavailable),
    /// Not worth it.
    Refused(StoreRefused),
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(e) => Self::Away(e),
            StoreError::Refused(e) => Self::Refused(e),
        }
    }
}

/// An append as far as it has come.
struct Progress<'a> {
    lines: &'a [NewLine],
    /// How many lines stand in the log.
    done: usize,
    /// Whether an earlier attempt may have appended some of the others.
    in_doubt: bool,
}

impl Shipper {
    /// Ships until the queue has ended, or has been closed for longer than a flush may take.
    pub(crate) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let give_up = self.retry.give_up;
        let job = self.job.clone();
        // However this task ends, nobody waits for it any more.
        let _guard = AbandonOnDrop(Arc::clone(&queue));
        tokio::select! {
            biased;
            () = self.drain() => {}
            () = queue.closed_for(give_up) => {
                let waiting = queue.stats().waiting;
                error!(%job, waiting, "gave up on the log store: the last lines are lost");
            }
        }
    }

    async fn drain(&mut self) {
        // Reading the position now spares the first line the wait. Where it fails the first append tries again.
        let _ = self.position().await;
        let mut began = None;
        while let Some(batch) = self.queue.next_batch(began).await {
            began = Some(Instant::now());
            let appended = self.deliver(&batch).await;
            self.queue.settle(&batch, appended);
        }
    }

    /// Appends a batch, however long it takes. Returns how many lines stand in the log: all, unless the store
    /// refused.
    async fn deliver(&mut self, batch: &Batch) -> usize {
        let mut progress = Progress {
            lines: &batch.lines,
            done: 0,
            in_doubt: false,
        };
        let mut backoff = Backoff::new(&self.retry);
        let mut away_since = None;
        loop {
            match self.attempt(&mut progress).await {
                Ok(()) => break,
                Err(Setback::Away(e)) => self.note_outage(&mut away_since, &e),
                Err(Setback::Refused(e)) => return self.refused(progress, &e).await,
            }
            sleep(backoff.pause()).await;
        }
        if let Some(since) = away_since {
            let outage_ms = Instant::now().duration_since(since).as_millis();
            info!(job = %self.job, outage_ms, "the log store takes lines again");
        }
        batch.lines.len()
    }

    async fn attempt(&mut self, progress: &mut Progress<'_>) -> Result<(), Setback> {
        let position = self.position().await?;
        if progress.in_doubt {
            progress.done += self
                .read_back(position, &progress.lines[progress.done..])
                .await?;
            progress.in_doubt = false;
        }
        let rest = &progress.lines[progress.done..];
        if rest.is_empty() {
            return Ok(());
        }
        // Until there is an answer the lines may or may not be there.
        progress.in_doubt = true;
        let ids = self.append.append(&self.job, rest).await?;
        progress.in_doubt = false;
        progress.done = progress.lines.len();
        self.position = ids.last().copied().or(self.position);
        Ok(())
    }

    async fn position(&mut self) -> Result<EntryId, StoreError> {
        if let Some(position) = self.position {
            return Ok(position);
        }
        let last_id = self.log.bounds(&self.job).await?.last_id;
        self.position = Some(last_id);
        Ok(last_id)
    }

    /// Counts how many of the lines stand in the log after a position, and moves the position behind them.
    async fn read_back(
        &mut self,
        position: EntryId,
        sent: &[NewLine],
    ) -> Result<usize, StoreError> {
        let mut read_back = ReadBack::new(sent);
        let mut cursor = position;
        loop {
            let limit = ReadLimit::lines(READ_BACK_LINES);
            let onward = self.log.read_after(&self.job, cursor, limit).await?;
            if let Some(gap) = onward.gap(cursor) {
                read_back.trimmed();
                // A log that ends before the cursor was lost or made anew, with all that was sent to it.
                cursor = gap.resume_after;
                self.position = Some(cursor);
            }
            if let Some(last) = read_back.look_at(&onward.lines) {
                self.position = Some(last);
            }
            cursor = onward.lines.last().map_or(cursor, |line| line.id);
            if !onward.more || read_back.found() == sent.len() {
                debug!(job = %self.job, sent = sent.len(), found = read_back.found(), "read back");
                return Ok(read_back.found());
            }
        }
    }

    /// What a refused append has appended all the same.
    async fn refused(&mut self, progress: Progress<'_>, error: &StoreRefused) -> usize {
        let rest = &progress.lines[progress.done..];
        let found = match self.position {
            Some(position) if progress.in_doubt => {
                self.read_back(position, rest).await.unwrap_or(0)
            }
            _ => 0,
        };
        let done = progress.done + found;
        let lost = progress.lines.len() - done;
        error!(job = %self.job, lost, %error, "the log store refused lines: they are lost");
        done
    }

    fn note_outage(&self, since: &mut Option<Instant>, error: &StoreUnavailable) {
        if since.is_none() {
            *since = Some(Instant::now());
            warn!(job = %self.job, %error, "the log store cannot be reached: lines wait");
        }
    }
}

/// Ends the queue when the shipper ends, be it by a panic in the store.
struct AbandonOnDrop(Arc<Queue>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}
