//! Waking the many viewers of one thread by one wake-up, and not too often.
//!
//! A new line wakes every viewer of its job, from the feed's task. Where viewers run on threads with a scheduler of their
//! own (an actix worker), each wake-up from another thread is a system call. So the feed hands all wakers of one thread to
//! that thread's [`ThreadWaker`] and wakes only that one, which wakes the viewers from inside. A viewer that is alone on its
//! thread, or on a thread without a `ThreadWaker`, is woken directly.
//!
//! Each viewer that is woken writes to its client, some microseconds each. So wake-ups are rate-limited per thread: when
//! the viewers of one wake-up have written, the thread waits three times as long as that took, 8 ms at most, before it
//! wakes many again. A viewer for whom several lines come meanwhile gets them by one write. A line that comes after silence
//! goes out at once.
//!
//! Viewers that catch up always have more to send. They take **turns**, a few each millisecond, so that many replays at a
//! time do not delay those who follow live.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

use crate::waiter::{Queue, SharedQueue, THREAD_QUEUE, thread_queue};

/// After a wake-up, a thread waits this many times as long as its viewers took to write.
const WAIT_FACTOR: u32 = 3;

/// The longest of these waits: nobody sees that a line comes this much later.
const LONGEST_WAIT: Duration = Duration::from_millis(8);

/// A shorter wait is not worth a timer.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How many viewers that catch up get their turn in one period.
const TURNS: usize = 6;
const TURN_PERIOD: Duration = Duration::from_millis(1);

/// Wakes the viewers of its thread. Spawn one on each thread whose viewers never leave it, such as an actix worker. It never
/// ends by itself. Without one everything works, at the price of a system call for each viewer and line.
#[must_use = "it does nothing unless it is polled"]
#[derive(Debug, Default)]
pub struct ThreadWaker {
    queue: SharedQueue,
    /// Set while the viewers of the last wake-up write: when they were woken.
    woken_at: Option<Instant>,
    /// Set until many may be woken again.
    pause: Option<Pin<Box<Sleep>>>,
    /// How many turns were given in this period.
    turns_given: usize,
    /// Set from the first turn of a period to its end.
    turn_period: Option<Pin<Box<Sleep>>>,
}

impl ThreadWaker {
    /// One for the thread on which it will be polled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wakes a task of this thread when it is its turn among those that catch up; at once where the thread has no
    /// `ThreadWaker`.
    pub fn take_turn(cx: &Context<'_>) {
        let Some(queue) = thread_queue() else {
            cx.waker().wake_by_ref();
            return;
        };
        let mut queue = queue.lock();
        queue.turns.push_back(cx.waker().clone());
        let own = queue.own.clone();
        drop(queue);
        own.into_iter().for_each(Waker::wake);
    }

    /// Wakes the viewers for whom something new has come, unless the thread waits.
    fn poll_due(&mut self, cx: &mut Context<'_>) {
        if let Some(woken_at) = self.woken_at.take() {
            // A scheduler runs tasks in the order in which they were woken: the viewers have written by now.
            let wait = (woken_at.elapsed() * WAIT_FACTOR).min(LONGEST_WAIT);
            self.pause = (wait >= SHORTEST_WAIT).then(|| Box::pin(sleep(wait)));
        }
        if !is_over(&mut self.pause, cx) {
            return;
        }
        let due = std::mem::take(&mut self.queue.lock().due);
        if !due.is_empty() {
            self.woken_at = Some(Instant::now());
            due.into_iter().for_each(Waker::wake);
            // To be polled again behind them.
            cx.waker().wake_by_ref();
        }
    }

    /// Gives the turns that this period has left.
    fn poll_turns(&mut self, cx: &mut Context<'_>) {
        if is_over(&mut self.turn_period, cx) {
            self.turns_given = 0;
        }
        let turns: Vec<_> = {
            let mut queue = self.queue.lock();
            let count = queue.turns.len().min(TURNS - self.turns_given);
            let turns = queue.turns.drain(..count).collect();
            if queue.turns.is_empty() {
                // Gives back what ten thousand viewers needed.
                queue.turns = VecDeque::new();
            }
            turns
        };
        self.turns_given += turns.len();
        turns.into_iter().for_each(Waker::wake);
        if self.turns_given > 0 && self.turn_period.is_none() {
            self.turn_period = Some(Box::pin(sleep(TURN_PERIOD)));
            is_over(&mut self.turn_period, cx);
        }
    }
}

impl Future for ThreadWaker {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // First of all: what is handed over from now on must wake this task.
        self.queue.lock().own = Some(cx.waker().clone());
        THREAD_QUEUE.with_borrow_mut(|queue| {
            queue.get_or_insert_with(|| Arc::clone(&self.queue));
        });
        self.poll_due(cx);
        self.poll_turns(cx);
        Poll::Pending
    }
}

impl Drop for ThreadWaker {
    fn drop(&mut self) {
        // The thread's own storage may be gone already, where the thread is ending.
        let _ = THREAD_QUEUE.try_with(|queue| {
            let is_own = |queue: &mut SharedQueue| Arc::ptr_eq(queue, &self.queue);
            queue.borrow_mut().take_if(is_own)
        });
        let Queue { due, turns, own } = std::mem::take(&mut *self.queue.lock());
        drop(own);
        due.into_iter().chain(turns).for_each(Waker::wake);
    }
}

/// Polls a sleep. Says whether it is over, or there is none.
fn is_over(sleep: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    let is_over = (sleep.as_mut()).is_none_or(|sleep| sleep.as_mut().poll(cx).is_ready());
    if is_over {
        *sleep = None;
    }
    is_over
}

#[cfg(test)]
mod tests;
