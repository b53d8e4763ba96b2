//! What the queue holds, and the rules of who waits and what is dropped. No lock, no wait.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use log_domain::Source;
use tokio::time::Instant;

use super::Admission;
use super::line::{Amount, Batch, Queued, hole};
use crate::options::{BatchOptions, BufferOptions};

#[derive(Debug, Default)]
pub(super) struct State {
    /// The lines that no append has taken yet, oldest first.
    pub(super) waiting: VecDeque<Queued>,
    /// Their weight.
    pub(super) waiting_bytes: usize,
    /// The weight of the batch whose append has not ended.
    pub(super) in_flight_bytes: usize,
    /// What that batch counts as when it is lost.
    pub(super) in_flight: Amount,
    /// How many lines were ever taken in.
    pub(super) accepted: u64,
    /// How many of them stand in the log.
    pub(super) appended: u64,
    /// How many of them are not on their way any more: appended, or lost after they were taken in.
    pub(super) settled: u64,
    /// Lines up to this count are sent without waiting for a full batch.
    pub(super) flush_to: u64,
    /// Everything that was ever lost.
    pub(super) lost: Amount,
    /// What was lost and no line says yet.
    pub(super) unsaid: Amount,
    /// Since when the buffer is full and the store has taken nothing.
    pub(super) full_since: Option<Instant>,
    /// Whether lines are dropped until half the buffer is free.
    pub(super) dropping: bool,
    /// What the next lines carry as their phase.
    pub(super) phase: Option<Arc<str>>,
    /// When the writer was told to end; no line is taken after.
    pub(super) closed_at: Option<Instant>,
    /// Whether the shipper has gone; nothing is settled after.
    pub(super) abandoned: bool,
}

impl State {
    pub(super) fn ended(&self) -> bool {
        self.closed_at.is_some() || self.abandoned
    }

    fn held(&self) -> usize {
        self.waiting_bytes + self.in_flight_bytes
    }

    /// Whether the next lines are taken, or until when to wait.
    pub(super) fn admit(
        &mut self,
        buffer: &BufferOptions,
        now: Instant,
    ) -> Result<Admission, Instant> {
        if self.ended() {
            return Ok(Admission::Closed);
        }
        if self.dropping {
            self.dropping = self.held() > buffer.capacity / 2;
        } else if self.held() >= buffer.capacity {
            let since = *self.full_since.get_or_insert(now);
            let deadline = since + buffer.max_block;
            if now < deadline {
                return Err(deadline);
            }
            self.dropping = true;
        } else {
            self.full_since = None;
        }
        Ok(if self.dropping {
            Admission::Drop
        } else {
            Admission::Take
        })
    }

    pub(super) fn enqueue(&mut self, line: Queued) {
        self.waiting_bytes += line.weight();
        self.accepted += 1;
        self.waiting.push_back(line);
    }

    /// Puts the line into the log that names a hole before it.
    pub(super) fn say_what_is_missing(&mut self, at: Timestamp) {
        let missing = std::mem::take(&mut self.unsaid);
        if missing.lines == 0 || self.ended() {
            return;
        }
        let phase = self.phase.clone();
        self.enqueue(Queued {
            at,
            source: Source::System,
            phase,
            text: hole(missing),
            missing: Some(missing),
        });
    }

    /// Counts what is lost. A hole that a lost line named still needs a name.
    pub(super) fn lose(&mut self, amount: Amount, missing: Option<Amount>) {
        self.lost.add(amount);
        self.unsaid.add(amount);
        self.unsaid.add(missing.unwrap_or_default());
    }

    pub(super) fn holds_batch(&self, batch: &BatchOptions) -> bool {
        self.waiting.len() >= batch.lines || self.waiting_bytes >= batch.bytes
    }

    pub(super) fn is_due(&self, batch: &BatchOptions, due: Instant) -> bool {
        let unsettled_flush = self.flush_to > self.settled;
        let hurried = self.ended() || unsettled_flush || self.holds_batch(batch);
        !self.waiting.is_empty() && (hurried || Instant::now() >= due)
    }

    pub(super) fn take_batch(&mut self, options: &BatchOptions) -> Batch {
        let mut batch = Batch::default();
        while let Some(line) = self.waiting.front() {
            let full = batch.lines.len() >= options.lines.max(1);
            let heavy = batch.weight + line.weight() > options.bytes && !batch.lines.is_empty();
            if full || heavy {
                break;
            }
            if let Some(line) = self.waiting.pop_front() {
                batch.push(line);
            }
        }
        self.waiting_bytes -= batch.weight;
        self.in_flight_bytes = batch.weight;
        self.in_flight = batch.amount();
        batch
    }

    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        // Whether the batch that was on its way has arrived is not known: it counts as lost.
        self.lose(self.in_flight, None);
        for line in std::mem::take(&mut self.waiting) {
            self.lose(line.amount(), line.missing);
        }
        self.in_flight = Amount::default();
        self.waiting_bytes = 0;
        self.in_flight_bytes = 0;
        self.settled = self.accepted;
    }
}
