//! The one clock for all heartbeats.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{self, Instant, MissedTickBehavior};

use crate::shared::Shared;

/// Numbers the ticks and tells them to every feed; ends with the hub.
///
/// A heartbeat is never early, and late by a tick at most.
pub(crate) async fn beat(shared: Weak<Shared>, heartbeat: Duration) {
    let length = tick_length(heartbeat);
    // One more than the silence holds, because the last output was at any moment of its tick.
    let silent_ticks = number(heartbeat + length, length).max(1);
    let begin = Instant::now();
    let mut interval = time::interval(length);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        // By the time that has passed: a runtime that was held up does not stretch the silence.
        let tick = number(begin.elapsed(), length);
        shared.tick.store(tick, Ordering::Relaxed);
        let silent_since = tick.checked_sub(silent_ticks);
        for feed in shared.registry.all() {
            feed.tick(tick, silent_since);
        }
    }
}

/// Fine enough that a heartbeat is late by a twentieth at most, and never over a second.
fn tick_length(heartbeat: Duration) -> Duration {
    (heartbeat / 20).clamp(Duration::from_millis(10), Duration::from_secs(1))
}

/// How many whole ticks a time holds.
fn number(time: Duration, tick: Duration) -> u64 {
    u64::try_from(time.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX)
}
