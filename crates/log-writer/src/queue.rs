//! Between the channels and the store: the lines that wait, bounded in bytes.
//!
//! Channels push, one shipper takes. When the buffer is full a channel waits, at most for as long as configured;
//! then lines are dropped and counted, and the next line that is taken has a `system` line before it that says
//! how many are missing. So the log never has a hole that it does not name.

mod line;
mod state;

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log_domain::Source;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use self::line::Queued;
use self::state::State;
use crate::clock;
use crate::options::{BatchOptions, BufferOptions};

pub(crate) use self::line::Batch;
pub use self::line::{Amount, Stats};

/// Whether a channel's next lines are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// There is room.
    Take,
    /// There was none for too long: the lines are dropped and counted.
    Drop,
    /// The writer has ended.
    Closed,
}

/// The lines that wait, shared by the channels and the shipper.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the shipper: there is a first line, a full batch, somebody who flushes, or the end.
    work: Notify,
    /// Wakes channels: lines have left.
    room: Notify,
    /// Wakes whoever waits for lines to be settled.
    settled: Notify,
    /// Wakes whoever waits for the end.
    closed: Notify,
    buffer: BufferOptions,
    batch: BatchOptions,
}

impl Queue {
    pub(crate) fn new(buffer: BufferOptions, batch: BatchOptions) -> Self {
        Self {
            state: Mutex::default(),
            work: Notify::new(),
            room: Notify::new(),
            settled: Notify::new(),
            closed: Notify::new(),
            buffer,
            batch,
        }
    }

    /// Waits for room, at most as long as configured.
    pub(crate) async fn admit(&self) -> Admission {
        loop {
            let mut notified = pin!(self.room.notified());
            notified.as_mut().enable();
            let deadline = match self.lock().admit(&self.buffer, Instant::now()) {
                Ok(admission) => return admission,
                Err(deadline) => deadline,
            };
            // Past the deadline the next look says so.
            let _ = timeout_at(deadline, notified).await;
        }
    }

    /// Takes lines in, or counts them as lost, as the admission says. They carry the time and phase of now.
    pub(crate) fn push(&self, admission: Admission, source: Source, texts: Vec<String>) {
        if texts.is_empty() {
            return;
        }
        let mut state = self.lock();
        if admission != Admission::Take || state.ended() {
            for text in &texts {
                state.lose(Amount::of(text), None);
            }
            return;
        }
        let idle = state.waiting.is_empty();
        let at = clock::now();
        state.say_what_is_missing(at);
        for text in texts {
            let phase = state.phase.clone();
            state.enqueue(Queued {
                at,
                source,
                phase,
                text,
                missing: None,
            });
        }
        if idle || state.holds_batch(&self.batch) {
            self.work.notify_one();
        }
    }

    pub(crate) fn set_phase(&self, phase: Option<&str>) {
        self.lock().phase = phase.map(Into::into);
    }

    /// Waits for the next lines to append: at once after a silence, else at the latest one interval after `last`
    /// began. `None` is the end.
    pub(crate) async fn next_batch(&self, last: Option<Instant>) -> Option<Batch> {
        let due = last.map_or_else(Instant::now, |last| last + self.batch.interval);
        loop {
            let idle = {
                let mut state = self.lock();
                if state.is_due(&self.batch, due) {
                    return Some(state.take_batch(&self.batch));
                }
                let idle = state.waiting.is_empty();
                if idle && state.ended() {
                    return None;
                }
                idle
            };
            if idle {
                self.work.notified().await;
            } else {
                // A full batch, a flush or the end cut the wait short.
                let _ = timeout_at(due, self.work.notified()).await;
            }
        }
    }

    /// Says how the append of a batch ended: its first `appended` lines stand in the log, the others are lost.
    pub(crate) fn settle(&self, batch: &Batch, appended: usize) {
        let mut state = self.lock();
        state.in_flight_bytes = 0;
        state.in_flight = Amount::default();
        state.settled += batch.lines.len() as u64;
        state.appended += appended as u64;
        for (amount, missing) in batch.amounts.iter().skip(appended) {
            state.lose(*amount, *missing);
        }
        state.full_since = None;
        drop(state);
        self.room.notify_waiters();
        self.settled.notify_waiters();
    }

    /// Waits until everything taken in so far is settled; `false` if the deadline comes first or nobody ships.
    pub(crate) async fn flushed(&self, deadline: Instant) -> bool {
        let target = {
            let mut state = self.lock();
            state.say_what_is_missing(clock::now());
            state.flush_to = state.accepted;
            state.accepted
        };
        self.work.notify_one();
        let reached = wait_for(&self.settled, || {
            let state = self.lock();
            let reached = state.settled >= target;
            (reached || state.abandoned).then_some(reached && !state.abandoned)
        });
        timeout_at(deadline, reached).await.unwrap_or(false)
    }

    /// Takes no more lines. What waits is still shipped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        if state.closed_at.is_none() {
            state.say_what_is_missing(clock::now());
            state.closed_at = Some(Instant::now());
        }
        drop(state);
        self.work.notify_one();
        self.room.notify_waiters();
        self.closed.notify_waiters();
    }

    /// Waits until the queue has been closed for so long.
    pub(crate) async fn closed_for(&self, time: Duration) {
        let closed_at = wait_for(&self.closed, || self.lock().closed_at).await;
        sleep_until(closed_at + time).await;
    }

    /// Nobody ships any more: what waits is lost.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.abandon();
        drop(state);
        self.room.notify_waiters();
        self.settled.notify_waiters();
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            appended: state.appended,
            waiting: state.accepted - state.settled,
            lost: state.lost,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a check has an answer. The check is made after every notice, and none is missed in between.
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
