//! The contents of the queue, and the rules which lines wait and which are dropped. It has no lock and never waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use log_domain::Source;
use tokio::time::Instant;

use super::line::{Amount, Batch, Queued, missing_lines_text};
use crate::options::{BatchOptions, BufferOptions};

/// Whether the next lines of a channel are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// There is room.
    Accept,
    /// The buffer was full for too long: the lines are dropped and counted.
    Drop,
    /// The writer has ended.
    Closed,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The lines that are not in an append yet, oldest first.
    pub(super) waiting: VecDeque<Queued>,
    /// Their weight.
    pub(super) waiting_bytes: usize,
    /// The weight of the batch whose append has not ended.
    pub(super) in_flight_bytes: usize,
    /// How many lines and bytes are lost if that batch is lost.
    pub(super) in_flight: Amount,
    /// How many lines were ever accepted.
    pub(super) accepted: u64,
    /// How many of them are in the log.
    pub(super) appended: u64,
    /// How many of them are done: appended, or lost after they were accepted.
    pub(super) completed: u64,
    /// Accepted lines up to this number are sent without waiting for a full batch.
    pub(super) flush_to: u64,
    /// All lines that were ever lost.
    pub(super) lost: Amount,
    /// The lost lines that no line in the log reports yet.
    pub(super) unreported: Amount,
    /// Since when the buffer is full and the store takes nothing.
    pub(super) full_since: Option<Instant>,
    /// Whether lines are dropped until half of the buffer is free.
    pub(super) dropping: bool,
    /// The phase of the next lines.
    pub(super) phase: Option<Arc<str>>,
    /// When the writer ended. No line is accepted after that.
    pub(super) closed_at: Option<Instant>,
    /// Whether the shipper has ended. No line is completed after that.
    pub(super) abandoned: bool,
}

impl State {
    pub(super) fn ended(&self) -> bool {
        self.closed_at.is_some() || self.abandoned
    }

    fn total_bytes(&self) -> usize {
        self.waiting_bytes + self.in_flight_bytes
    }

    /// Whether the next lines are accepted. An error says until when to wait.
    pub(super) fn admit(
        &mut self,
        buffer: &BufferOptions,
        now: Instant,
    ) -> Result<Admission, Instant> {
        if self.ended() {
            return Ok(Admission::Closed);
        }
        if self.dropping {
            self.dropping = self.total_bytes() > buffer.capacity / 2;
        } else if self.total_bytes() >= buffer.capacity {
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
            Admission::Accept
        })
    }

    pub(super) fn enqueue(&mut self, line: Queued) {
        self.waiting_bytes += line.weight();
        self.accepted += 1;
        self.waiting.push_back(line);
    }

    /// Adds a line that reports the lines that are missing before it.
    pub(super) fn report_missing(&mut self, at: SystemTime) {
        let missing = std::mem::take(&mut self.unreported);
        if missing.lines == 0 || self.ended() {
            return;
        }
        let phase = self.phase.clone();
        self.enqueue(Queued {
            at,
            source: Source::System,
            phase,
            text: missing_lines_text(missing),
            open: false,
            reports: Some(missing),
        });
    }

    /// Counts lost lines. If a lost line reported missing lines, these must be reported again.
    pub(super) fn lose(&mut self, amount: Amount, reports: Option<Amount>) {
        self.lost.add(amount);
        self.unreported.add(amount);
        self.unreported.add(reports.unwrap_or_default());
    }

    pub(super) fn holds_batch(&self, batch: &BatchOptions) -> bool {
        self.waiting.len() >= batch.lines || self.waiting_bytes >= batch.bytes
    }

    pub(super) fn is_due(&self, batch: &BatchOptions, due: Instant) -> bool {
        let flush_is_pending = self.flush_to > self.completed;
        let is_urgent = self.ended() || flush_is_pending || self.holds_batch(batch);
        !self.waiting.is_empty() && (is_urgent || Instant::now() >= due)
    }

    pub(super) fn take_batch(&mut self, options: &BatchOptions) -> Batch {
        let mut batch = Batch::default();
        while let Some(line) = self.waiting.front() {
            let is_full = batch.lines.len() >= options.lines.max(1);
            let is_too_heavy =
                batch.weight + line.weight() > options.bytes && !batch.lines.is_empty();
            if is_full || is_too_heavy {
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
        // Nobody knows whether the batch in flight was appended, so it counts as lost.
        self.lose(self.in_flight, None);
        for line in std::mem::take(&mut self.waiting) {
            self.lose(line.amount(), line.reports);
        }
        self.in_flight = Amount::default();
        self.waiting_bytes = 0;
        self.in_flight_bytes = 0;
        self.completed = self.accepted;
    }
}
