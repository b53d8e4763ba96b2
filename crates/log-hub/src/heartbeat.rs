//! The one clock for all heartbeats.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{self, Instant, MissedTickBehavior};

use crate::inner::HubInner;

/// Starts the clock as a task of the hub. It ends with the hub.
pub(crate) fn start(hub: &Arc<HubInner>) {
    let heartbeat = hub.options.heartbeat;
    let stop = hub.stop.clone();
    let clock = Clock {
        hub: Arc::downgrade(hub),
    };
    let run = async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.run(heartbeat) => {}
        }
    };
    hub.tasks.spawn_on(run, &hub.runtime);
}

/// Numbers the ticks and tells them to every feed.
struct Clock {
    /// Weak, so that the clock does not keep the hub alive.
    hub: Weak<HubInner>,
}

impl Clock {
    /// A heartbeat is never early, and late by a tick at most.
    async fn run(&self, heartbeat: Duration) {
        let length = tick_length(heartbeat);
        // One more than the silence holds, because the last output was at any moment of its tick.
        let silent_ticks = count(heartbeat + length, length).max(1);
        let begin = Instant::now();
        let mut interval = time::interval(length);
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            interval.tick().await;
            let Some(hub) = self.hub.upgrade() else {
                return;
            };
            // By the time that has passed: where the runtime was held up, the silence is not longer than it should be.
            let tick = count(begin.elapsed(), length);
            hub.tick.store(tick, Ordering::Relaxed);
            let silent_since = tick.checked_sub(silent_ticks);
            for feed in hub.registry.all() {
                feed.tick(tick, silent_since);
            }
        }
    }
}

impl Drop for Clock {
    /// However the task ends, by a panic of a waker too.
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.has_heartbeat.store(false, Ordering::Relaxed);
            if std::thread::panicking() {
                tracing::error!("the heartbeat clock has panicked; streams get no heartbeats");
            }
        }
    }
}

/// Fine enough that a heartbeat is late by a twentieth at most, and never by more than a second.
fn tick_length(heartbeat: Duration) -> Duration {
    (heartbeat / 20).clamp(Duration::from_millis(10), Duration::from_secs(1))
}

/// How many whole ticks a time holds.
fn count(time: Duration, tick: Duration) -> u64 {
    u64::try_from(time.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX)
}
