//! What the hub, its feeds and its viewers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use log_store::{Jobs, LogStore};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::options::HubOptions;
use crate::registry::Registry;
use crate::stats::Counters;

/// One for a hub and all that comes of it.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) options: HubOptions,
    pub(crate) counters: Counters,
    /// One permit a read of the store for a viewer that catches up; waiters are served in order.
    pub(crate) catch_up: Arc<Semaphore>,
    /// The number of the shared clock's last tick; a viewer's silence is measured in ticks.
    pub(crate) tick: AtomicU64,
    pub(crate) registry: Registry,
    /// Where feeds run, whichever thread opens them.
    pub(crate) runtime: Handle,
}

impl Shared {
    pub(crate) fn now(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }
}
