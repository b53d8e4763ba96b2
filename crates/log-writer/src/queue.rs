//! The lines that wait for the store, bounded in bytes.
//!
//! Channels push lines, and one shipper takes them. If the buffer is full, a channel waits for a limited time. After that
//! its lines are dropped and counted, and a `system` line before the next accepted line says how many are missing. So no
//! line goes missing from the log without a notice.

mod line;
mod state;

use std::pin::pin;
use std::time::{Duration, SystemTime};

use log_domain::Source;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::line::Queued;
use self::state::State;
use crate::options::{BatchOptions, BufferOptions};

pub use self::line::{Amount, Stats};
pub(crate) use self::line::{Batch, Text};
pub(crate) use self::state::Admission;

/// The queue between the channels and the shipper.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the shipper when there is a first line, a full batch, a flush, or the end.
    shipper_wakeup: Notify,
    /// Wakes channels when lines have left the queue.
    room: Notify,
    /// Wakes flushes when a batch is completed.
    completed: Notify,
    /// Wakes the shipper's time limit when the queue is closed.
    closed: Notify,
    buffer: BufferOptions,
    batch: BatchOptions,
}

impl Queue {
    pub(crate) fn new(buffer: BufferOptions, batch: BatchOptions) -> Self {
        Self {
            state: Mutex::default(),
            shipper_wakeup: Notify::new(),
            room: Notify::new(),
            completed: Notify::new(),
            closed: Notify::new(),
            buffer,
            batch,
        }
    }

    /// Waits for room in the buffer, for a limited time.
    pub(crate) async fn admit(&self) -> Admission {
        loop {
            let mut notified = pin!(self.room.notified());
            notified.as_mut().enable();
            let deadline = match self.state.lock().admit(&self.buffer, Instant::now()) {
                Ok(admission) => return admission,
                Err(deadline) => deadline,
            };
            // After the deadline the next call of `admit` decides.
            let _ = timeout_at(deadline, notified).await;
        }
    }

    /// Accepts lines, or counts them as lost, as the admission says. The lines get the current time and phase.
    pub(crate) fn push(&self, admission: Admission, source: &Source, lines: Vec<Text>) {
        if lines.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        if admission != Admission::Accept || state.ended() {
            for line in &lines {
                state.lose(Amount::from_text(&line.text), None);
            }
            return;
        }
        let was_empty = state.waiting.is_empty();
        let at = SystemTime::now();
        state.report_missing(at);
        for Text { text, open } in lines {
            let phase = state.phase.clone();
            state.enqueue(Queued {
                at,
                source: source.clone(),
                phase,
                text,
                open,
                reports: None,
            });
        }
        if was_empty || state.holds_batch(&self.batch) {
            self.shipper_wakeup.notify_one();
        }
    }

    pub(crate) fn set_phase(&self, phase: Option<&str>) {
        self.state.lock().phase = phase.map(Into::into);
    }

    /// Waits for the next lines to append. Returns them at once after a silence, and otherwise at the latest one interval
    /// after `last_started_at`. `None` means that the queue is closed and empty.
    pub(crate) async fn next_batch(&self, last_started_at: Option<Instant>) -> Option<Batch> {
        let due = last_started_at.map_or_else(Instant::now, |last| last + self.batch.interval);
        loop {
            let is_empty = {
                let mut state = self.state.lock();
                if state.is_due(&self.batch, due) {
                    return Some(state.take_batch(&self.batch));
                }
                let is_empty = state.waiting.is_empty();
                if is_empty && state.ended() {
                    return None;
                }
                is_empty
            };
            if is_empty {
                self.shipper_wakeup.notified().await;
            } else {
                // A full batch, a flush or the end makes the wait shorter.
                let _ = timeout_at(due, self.shipper_wakeup.notified()).await;
            }
        }
    }

    /// Ends the append of a batch: its first `appended` lines are in the log, and the others are lost.
    pub(crate) fn complete(&self, batch: &Batch, appended: usize) {
        let mut state = self.state.lock();
        state.in_flight_bytes = 0;
        state.in_flight = Amount::default();
        state.completed += batch.lines.len() as u64;
        state.appended += appended as u64;
        for (amount, missing) in batch.amounts.iter().skip(appended) {
            state.lose(*amount, *missing);
        }
        state.full_since = None;
        drop(state);
        self.room.notify_waiters();
        self.completed.notify_waiters();
    }

    /// Waits until all lines so far are completed. `false` if the deadline comes first, or if the shipper has ended.
    pub(crate) async fn flushed(&self, deadline: Instant) -> bool {
        let target = {
            let mut state = self.state.lock();
            state.report_missing(SystemTime::now());
            state.flush_to = state.accepted;
            state.accepted
        };
        self.shipper_wakeup.notify_one();
        let reached = wait_for(&self.completed, || {
            let state = self.state.lock();
            let reached = state.completed >= target;
            (reached || state.abandoned).then_some(reached && !state.abandoned)
        });
        timeout_at(deadline, reached).await.unwrap_or(false)
    }

    /// Accepts no more lines. The lines that wait are still shipped.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        if state.closed_at.is_none() {
            state.report_missing(SystemTime::now());
            state.closed_at = Some(Instant::now());
        }
        drop(state);
        self.shipper_wakeup.notify_one();
        self.room.notify_waiters();
        self.closed.notify_waiters();
    }

    /// Waits until the queue has been closed for this time.
    pub(crate) async fn closed_for(&self, time: Duration) {
        let closed_at = wait_for(&self.closed, || self.state.lock().closed_at).await;
        sleep_until(closed_at + time).await;
    }

    /// The shipper has ended: the lines that wait are lost.
    pub(crate) fn abandon(&self) {
        let mut state = self.state.lock();
        state.abandon();
        drop(state);
        self.room.notify_waiters();
        self.completed.notify_waiters();
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.state.lock();
        Stats {
            appended: state.appended,
            waiting: state.accepted - state.completed,
            lost: state.lost,
        }
    }
}

/// Waits until a check returns a value. The check runs again after every notification, and misses none.
async fn wait_for<T>(notify: &Notify, check: impl Fn() -> Option<T>) -> T {
    loop {
        let mut notified = pin!(notify.notified());
        notified.as_mut().enable();
        if let Some(answer) = check() {
            return answer;
        }
        notified.await;
    }
}

#[cfg(test)]
mod tests;
