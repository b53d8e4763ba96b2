//! The flag of one watch: whether its key may have changed since the last read began.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// The flag of one watch. It stays raised until the next read begins.
#[derive(Debug)]
pub(super) struct WatchFlag {
    /// The key that is watched.
    pub(super) key: Arc<str>,
    /// Whether the key may have changed since the last read began. A new watch is flagged (W1).
    raised: AtomicBool,
    /// Whether the server has pushed a change since then.
    pushed: AtomicBool,
    /// Wakes the one waiter. It keeps a permit while nobody waits, so no wake-up is lost (W5).
    wake: Notify,
}

impl WatchFlag {
    pub(super) fn new(key: Arc<str>) -> Self {
        Self {
            key,
            raised: AtomicBool::new(true),
            pushed: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Says that the key may have changed.
    pub(super) fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Says that the server has pushed a change of the key.
    pub(super) fn push(&self) {
        self.pushed.store(true, Ordering::Relaxed);
        self.raise();
    }

    /// Lowers the flag, and says whether a push had raised it. Call it before a read: every later change raises it again.
    pub(super) fn lower(&self) -> bool {
        self.raised.store(false, Ordering::Release);
        self.pushed.swap(false, Ordering::Relaxed)
    }

    /// Waits until the flag is raised.
    pub(super) async fn wait(&self) {
        while !self.is_raised() {
            self.wake.notified().await;
        }
    }

    /// Whether the key may have changed since the last read began.
    pub(super) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_new_flag_is_raised_until_it_is_lowered() {
        let flag = WatchFlag::new("k".into());
        flag.wait().await;
        flag.wait().await;
        assert!(flag.is_raised());
        assert!(!flag.lower());
        assert!(!flag.is_raised());
        flag.push();
        assert!(flag.is_raised());
        assert!(flag.lower());
        assert!(!flag.lower());
        flag.raise();
        flag.wait().await;
        assert!(flag.is_raised());
    }
}
