//! The wall clock, as a trait so that tests can set the time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns the wall-clock time. Only `exp`, `nbf` and `iat`, and the times of webhooks, are compared
/// with it. The key cache uses the monotonic clock, so a step of the wall clock does not affect it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The system's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The time since the Unix epoch; zero if the clock is before it, so that every token is from the
/// future then.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
