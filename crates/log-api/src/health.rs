//! The process's own state, as readiness tells it.

use std::sync::atomic::{AtomicBool, Ordering};

/// Set by whoever runs the service, read by readiness.
#[derive(Debug, Default)]
pub struct Health {
    /// Set once, when the shutdown begins.
    draining: AtomicBool,
    /// Set while the store is known not to suit: a version too old, a permission missing.
    store_refused: AtomicBool,
}

impl Health {
    /// From now on the service is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Notes whether the store suits.
    pub fn set_store_usable(&self, usable: bool) {
        self.store_refused.store(!usable, Ordering::Release);
    }

    /// Whether the store suits, as far as is known.
    #[must_use]
    pub fn is_store_usable(&self) -> bool {
        !self.store_refused.load(Ordering::Acquire)
    }
}
