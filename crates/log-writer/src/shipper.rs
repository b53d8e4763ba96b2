//! The shipper: takes batches from the queue and appends each line once.
//!
//! Only one append runs at a time, which keeps the order. An append that failed may still have appended the first of its
//! lines. So before the shipper tries again, it reads what the log holds after the last line that is known to be there,
//! and sends only the lines that are missing: see [`crate::read_back`] and `docs/adr/0007-append-once.md`.
//!
//! Where the log may be on another server than before, the shipper looks whether its last lines are there, and writes those
//! again that a failover has lost: see [`crate::confirmed`].

use std::ops::Range;
use std::sync::Arc;

use log_domain::{EntryId, JobId, Line, Order, ReadLimit, Source, Span};
use log_store::{LogAppend, LogServer, LogStore, NewLine, StoreError, StoreUnavailable};
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use crate::confirmed::{Confirmed, Lost};
use crate::options::RetryOptions;
use crate::queue::Queue;
use crate::read_back::ReadBack;

/// The most lines in one read while looking for lines whose append had no answer.
const READ_BACK_LINES: usize = 1_000;

/// Ships the lines of one job. Runs in a task of its own until the queue is closed and empty.
pub(crate) struct Shipper {
    pub(crate) queue: Arc<Queue>,
    pub(crate) append: Arc<dyn LogAppend>,
    pub(crate) log: Arc<dyn LogStore>,
    pub(crate) job: JobId,
    pub(crate) retry: RetryOptions,
    /// Every line that this shipper has ever sent is either at or before this position, or part of the current delivery.
    /// At first it is the log's last id, later the last line that was appended. `None` until the log could be read once.
    pub(crate) position: Option<EntryId>,
    pub(crate) after_failover: AfterFailover,
}

/// What is needed to write lines again that a failover has lost.
#[derive(Debug, Default)]
pub(crate) struct AfterFailover {
    confirmed: Confirmed,
    /// The server on which the confirmed lines are.
    server: Option<u64>,
    /// Lines that are being written again.
    again: Option<Again>,
}

/// Lines that are being written again, and how far that is.
#[derive(Debug)]
struct Again {
    lines: Vec<NewLine>,
    done: usize,
    in_doubt: bool,
    unconfirmed: bool,
}

/// The progress of the append of one batch.
struct Delivery<'a> {
    lines: &'a [NewLine],
    /// How many of the lines are in the log.
    done: usize,
    /// Whether an earlier attempt may have appended some of the other lines.
    in_doubt: bool,
    /// Whether the store has not said of the lines in the log that they are safe: they were only found there.
    unconfirmed: bool,
}

impl<'a> Delivery<'a> {
    const fn new(lines: &'a [NewLine]) -> Self {
        Self {
            lines,
            done: 0,
            in_doubt: false,
            unconfirmed: false,
        }
    }

    fn rest(&self) -> &'a [NewLine] {
        &self.lines[self.done..]
    }
}

impl Shipper {
    /// Ships until the queue is closed and empty. Gives up if that takes too long after the queue was closed.
    pub(crate) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let give_up_after = self.retry.give_up_after;
        let job = self.job.clone();
        // However this task ends, nobody must wait for it after that.
        let _guard = AbandonOnDrop(Arc::clone(&queue));
        tokio::select! {
            biased;
            () = self.drain() => {}
            () = queue.closed_for(give_up_after) => {
                let waiting = queue.stats().waiting;
                error!(%job, waiting, "gave up on the log store: the last lines are lost");
            }
        }
    }

    async fn drain(&mut self) {
        // Reading the position now saves the first line this wait. If it fails, the first append tries again.
        let _ = self.position().await;
        let mut started_at = None;
        while let Some(batch) = self.queue.next_batch(started_at).await {
            started_at = Some(Instant::now());
            let appended = self.deliver(&batch.lines).await;
            self.queue.complete(&batch, appended);
        }
        // The last lines may have been lost since.
        self.deliver(&[]).await;
    }

    /// Appends a batch, however long it takes. Returns how many of its lines are in the log: all of them, unless the
    /// store refused.
    async fn deliver(&mut self, lines: &[NewLine]) -> usize {
        let mut delivery = Delivery::new(lines);
        let mut pauses = self.retry.pauses();
        let mut outage_since = None;
        loop {
            match self.attempt_all(&mut delivery).await {
                Ok(()) => break,
                Err(StoreError::Unavailable(error)) => self.note_outage(&mut outage_since, &error),
                Err(error) => return self.refused(delivery, &error).await,
            }
            sleep(pauses.next().unwrap_or(self.retry.max_backoff)).await;
        }
        if let Some(since) = outage_since {
            let outage_ms = Instant::now().duration_since(since).as_millis();
            info!(job = %self.job, outage_ms, "the log store takes lines again");
        }
        lines.len()
    }

    /// Writes lost lines again, and then the lines of a delivery. Returns when both are on the server that there is then.
    async fn attempt_all(&mut self, delivery: &mut Delivery<'_>) -> Result<(), StoreError> {
        loop {
            self.find_lost().await?;
            self.write_again().await?;
            let has_confirmed = self.after_failover.confirmed.len() > 0;
            let is_away = self.log.server(&self.job) == LogServer::Away;
            if has_confirmed && !delivery.rest().is_empty() && is_away {
                // The next server may lack lines that belong before these.
                return Err(StoreUnavailable::new("the connection is away").into());
            }
            self.attempt(delivery).await?;
            match self.log.server(&self.job) {
                LogServer::Same | LogServer::Away => return Ok(()),
                LogServer::Connected(server) if self.after_failover.server == Some(server) => {
                    self.after_failover.confirmed.verify();
                    return Ok(());
                }
                // It may be another one now.
                LogServer::Connected(_) => {}
            }
        }
    }

    /// Looks for the confirmed lines, if the log may be on another server than before.
    async fn find_lost(&mut self) -> Result<(), StoreError> {
        let LogServer::Connected(server) = self.log.server(&self.job) else {
            return Ok(());
        };
        let state = &self.after_failover;
        if state.server == Some(server) || state.again.is_some() {
            return Ok(());
        }
        // What was replicated is there, so the last lines of the former server are lost. Lines that were confirmed when the
        // server changed are on the former one, or on the new one.
        let (verified, count) = (state.confirmed.verified(), state.confirmed.len());
        let from = self.first(0..verified, true).await?;
        let to = self.first(verified..count, false).await?;
        if from < to {
            let last_id = self.log.bounds(&self.job).await?.last_id;
            let lost = self.after_failover.confirmed.take(from..to);
            self.position = Some(last_id);
            self.after_failover.again = Some(self.to_write_again(lost));
        }
        self.after_failover.confirmed.verify();
        self.after_failover.server = Some(server);
        Ok(())
    }

    /// The first line of a range that is lost, or is not, where all after it are the same; else the range's end.
    async fn first(&self, range: Range<usize>, lost: bool) -> Result<usize, StoreError> {
        let (mut low, mut high) = (range.start, range.end);
        // Mostly nothing is lost: then one question is enough.
        if low < high && self.is_lost(high - 1).await? != lost {
            return Ok(high);
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.is_lost(middle).await? == lost {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// Whether a confirmed line is not in the log, although it was neither trimmed nor deleted.
    async fn is_lost(&self, at: usize) -> Result<bool, StoreError> {
        let Some(id) = self.after_failover.confirmed.id(at) else {
            return Ok(false);
        };
        let one = ReadLimit::lines(1);
        let read = self.log.read_after(&self.job, id, one).await?;
        if read.lost || id > read.bounds.last_id {
            return Ok(true);
        }
        // On the new server, a line of somebody else may have got the same id.
        let Some(line) = self.after_failover.confirmed.line(at) else {
            return Ok(false);
        };
        let only = Span {
            after: id.previous(),
            before: id.next(),
        };
        let there = (self.log)
            .read(&self.job, only, Order::OldestFirst, one)
            .await?;
        let is_other = |there: &Line| there.text != line.text || there.ts != line.ts;
        Ok(there.lines.first().is_some_and(is_other))
    }

    fn to_write_again(&self, lost: Lost) -> Again {
        let (again, gone) = (lost.lines.len(), lost.without_text);
        warn!(job = %self.job, again, gone, "the log store has lost lines; the last ones are written again");
        let mut lines = lost.lines;
        if gone > 0 {
            let text =
                format!("{gone} lines before this were lost when the log store changed servers");
            let said = NewLine {
                ts: lines.first().and_then(|line| line.ts.clone()),
                source: Some(Source::System),
                text: Some(text),
                ..NewLine::default()
            };
            lines.insert(0, said);
        }
        Again {
            lines,
            done: 0,
            in_doubt: false,
            unconfirmed: false,
        }
    }

    async fn write_again(&mut self) -> Result<(), StoreError> {
        let Some(again) = self.after_failover.again.take() else {
            return Ok(());
        };
        let mut delivery = Delivery {
            lines: &again.lines,
            done: again.done,
            in_doubt: again.in_doubt,
            unconfirmed: again.unconfirmed,
        };
        let written = self.attempt(&mut delivery).await;
        let (done, in_doubt) = (delivery.done, delivery.in_doubt);
        let unconfirmed = delivery.unconfirmed;
        if written.is_err() {
            self.after_failover.again = Some(Again {
                done,
                in_doubt,
                unconfirmed,
                ..again
            });
        }
        written
    }

    async fn attempt(&mut self, delivery: &mut Delivery<'_>) -> Result<(), StoreError> {
        let position = self.position().await?;
        if delivery.in_doubt {
            // Each with its own id: by that it is looked for after the next failover.
            let found = self.count_appended(position, delivery.rest()).await?;
            delivery.done += found;
            delivery.in_doubt = false;
            delivery.unconfirmed |= found > 0;
        }
        let rest = delivery.rest();
        if rest.is_empty() {
            if delivery.unconfirmed {
                self.append.confirm(&self.job).await?;
                delivery.unconfirmed = false;
            }
            return Ok(());
        }
        // Until there is an answer, nobody knows whether the lines are in the log.
        delivery.in_doubt = true;
        let ids = self.append.append(&self.job, rest).await?;
        self.keep_confirmed(ids.iter().copied().zip(rest));
        delivery.in_doubt = false;
        delivery.unconfirmed = false;
        delivery.done = delivery.lines.len();
        self.position = ids.last().copied().or(self.position);
        Ok(())
    }

    /// Keeps lines that the store has confirmed, where a failover may lose them.
    fn keep_confirmed<'a>(&mut self, lines: impl Iterator<Item = (EntryId, &'a NewLine)>) {
        if self.log.server(&self.job) == LogServer::Same {
            return;
        }
        for (id, line) in lines {
            self.after_failover.confirmed.push(id, line);
        }
    }

    async fn position(&mut self) -> Result<EntryId, StoreError> {
        if let Some(position) = self.position {
            return Ok(position);
        }
        let last_id = self.log.bounds(&self.job).await?.last_id;
        self.position = Some(last_id);
        Ok(last_id)
    }

    /// Counts how many of the lines are in the log after a position, and moves the position behind them.
    async fn count_appended(
        &mut self,
        position: EntryId,
        sent: &[NewLine],
    ) -> Result<usize, StoreError> {
        let mut read_back = ReadBack::new(sent);
        // Only once everything was read: a read that fails is done again from the same position.
        let (mut cursor, mut reached) = (position, self.position);
        loop {
            let limit = ReadLimit::lines(READ_BACK_LINES);
            let read = self.log.read_after(&self.job, cursor, limit).await?;
            if let Some(gap) = read.gap(cursor) {
                read_back.log_was_trimmed();
                // If the log ends before the cursor, it was lost or created again, with all lines sent to it.
                cursor = gap.resume_after;
                reached = Some(cursor);
            }
            if let Some(last) = read_back.scan(&read.lines) {
                reached = Some(last);
            }
            cursor = read.lines.last().map_or(cursor, |line| line.id);
            if !read.more || read_back.found() == sent.len() {
                debug!(job = %self.job, sent = sent.len(), found = read_back.found(), "read back");
                self.keep_confirmed(read_back.seen());
                self.position = reached;
                return Ok(read_back.found());
            }
        }
    }

    /// Handles a refused append. Returns how many lines are in the log all the same.
    async fn refused(&mut self, delivery: Delivery<'_>, error: &StoreError) -> usize {
        let found = match self.position {
            Some(position) if delivery.in_doubt => {
                let found = self.count_appended(position, delivery.rest()).await;
                found.unwrap_or(0)
            }
            _ => 0,
        };
        let done = delivery.done + found;
        let lost = delivery.lines.len() - done;
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

/// Abandons the queue when the shipper ends, also if it ends by a panic in the store.
struct AbandonOnDrop(Arc<Queue>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use log_store::MemoryStore;

    use super::*;
    use crate::options::{BatchOptions, BufferOptions};

    /// Where the server may change, `tests/writer/failover.rs` needs the copies.
    #[tokio::test]
    async fn lines_are_not_kept_where_no_failover_can_lose_them() {
        let store = Arc::new(MemoryStore::new());
        let mut shipper = Shipper {
            queue: Arc::new(Queue::new(
                BufferOptions::default(),
                BatchOptions::default(),
            )),
            append: Arc::clone(&store) as _,
            log: store,
            job: "build-1".parse().unwrap(),
            retry: RetryOptions::default(),
            position: None,
            after_failover: AfterFailover::default(),
        };
        let lines = [NewLine::new("a"), NewLine::new("b")];
        assert_eq!(shipper.deliver(&lines).await, 2);
        assert_eq!(shipper.after_failover.confirmed.len(), 0);
    }
}
