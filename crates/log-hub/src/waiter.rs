//! Viewers that wait, and what is handed to the `ThreadWaker` of their thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use parking_lot::Mutex;

thread_local! {
    /// The queue of this thread's `ThreadWaker`, from its first poll until it is dropped.
    pub(crate) static THREAD_QUEUE: RefCell<Option<SharedQueue>> = const { RefCell::new(None) };
}

pub(crate) type SharedQueue = Arc<Mutex<Queue>>;

/// What is handed to a `ThreadWaker`.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Viewers for whom something new has come.
    pub(crate) due: Vec<Waker>,
    /// Viewers that catch up and wait for a turn.
    pub(crate) turns: VecDeque<Waker>,
    /// The `ThreadWaker` itself, while there is one: without it, nothing may be added.
    pub(crate) own: Option<Waker>,
}

/// A viewer that waits: its waker, and the queue of the thread on which it was polled.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    waker: Waker,
    queue: Option<SharedQueue>,
}

impl Waiter {
    /// The task that polls with this context.
    pub(crate) fn new(cx: &Context<'_>) -> Self {
        Self {
            waker: cx.waker().clone(),
            queue: thread_queue(),
        }
    }

    /// The same, kept as it is where it is of the same task.
    pub(crate) fn renew(&mut self, cx: &Context<'_>) {
        if !self.waker.will_wake(cx.waker()) {
            *self = Self::new(cx);
        }
    }

    /// Wakes all, those of each thread by one wake-up. One that is alone on its thread is woken directly.
    pub(crate) fn wake_all(waiters: impl IntoIterator<Item = Self>) {
        // As many as there are threads: a handful.
        let mut threads: Vec<(SharedQueue, Vec<Waker>)> = Vec::new();
        for Self { waker, queue } in waiters {
            let Some(queue) = queue else {
                waker.wake();
                continue;
            };
            let same = |(known, _): &&mut (SharedQueue, _)| Arc::ptr_eq(known, &queue);
            match threads.iter_mut().find(same) {
                Some((_, wakers)) => wakers.push(waker),
                None => threads.push((queue, vec![waker])),
            }
        }
        for (queue, wakers) in threads {
            let mut queue = queue.lock();
            match queue.own.clone() {
                Some(own) if wakers.len() > 1 => {
                    queue.due.extend(wakers);
                    drop(queue);
                    own.wake();
                }
                _ => {
                    drop(queue);
                    wakers.into_iter().for_each(Waker::wake);
                }
            }
        }
    }
}

/// The queue of this thread, if it has a `ThreadWaker`.
pub(crate) fn thread_queue() -> Option<SharedQueue> {
    THREAD_QUEUE
        .try_with(|queue| queue.borrow().clone())
        .ok()
        .flatten()
}
