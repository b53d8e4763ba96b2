//! What the hub, its feeds and its viewers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use log_store::{Jobs, LogStore};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::options::HubOptions;
use crate::outage_log::OutageLog;
use crate::registry::Registry;
use crate::stats::Counters;

/// One for each hub. It lives until the last clone of the hub, the last viewer and the last feed are gone.
pub(crate) struct HubInner {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) options: HubOptions,
    pub(crate) counters: Counters,
    pub(crate) outages: OutageLog,
    /// What all feeds keep.
    pub(crate) budget: Arc<Budget>,
    /// One permit for each read of the store by a viewer that catches up. Waiters are served in order.
    pub(crate) catch_up: Semaphore,
    /// The number of the heartbeat clock's last tick. A viewer's silence is measured in ticks.
    pub(crate) tick: AtomicU64,
    /// Whether the heartbeat clock runs. Without it, streams would be cut by proxies.
    pub(crate) has_heartbeat: AtomicBool,
    pub(crate) registry: Registry,
    /// Where feeds run, whichever thread opens them.
    pub(crate) runtime: Handle,
    /// Every task of the hub: one for each feed, and the heartbeat clock.
    pub(crate) tasks: TaskTracker,
    /// Ends them all.
    pub(crate) stop: CancellationToken,
}

impl HubInner {
    pub(crate) fn new(
        store: Arc<dyn LogStore>,
        jobs: Arc<dyn Jobs>,
        options: HubOptions,
        runtime: Handle,
    ) -> Self {
        Self {
            store,
            jobs,
            counters: Counters::default(),
            outages: OutageLog::default(),
            budget: Arc::new(Budget::new(options.feeds_bytes)),
            catch_up: Semaphore::new(options.catch_up_reads.max(1)),
            tick: AtomicU64::new(0),
            has_heartbeat: AtomicBool::new(true),
            registry: Registry::default(),
            runtime,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            options,
        }
    }

    /// The number of the last tick.
    pub(crate) fn now(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }
}

impl Drop for HubInner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
