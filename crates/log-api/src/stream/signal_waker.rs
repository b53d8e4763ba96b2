//! A waker for what rarely happens to a stream: its client leaves, or it is told to end. With it a stream need not look
//! for that every time a line wakes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Wakes the stream's task, and remembers that it did.
pub(super) struct SignalWaker {
    woken: AtomicBool,
    /// The stream's task.
    task: Waker,
}

impl SignalWaker {
    pub(super) fn new(cx: &Context<'_>) -> Arc<Self> {
        Arc::new(Self {
            woken: AtomicBool::new(false),
            task: cx.waker().clone(),
        })
    }

    /// Whether it wakes this task.
    pub(super) fn is_for(&self, cx: &Context<'_>) -> bool {
        self.task.will_wake(cx.waker())
    }

    /// Whether it was woken since this was called last.
    pub(super) fn was_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire) && self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for SignalWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}
