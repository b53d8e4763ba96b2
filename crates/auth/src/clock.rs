//! The wall clock that tokens are judged by, as a thing that tests can set.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the wall-clock time. Only `exp`, `nbf` and `iat` are held against it: the key cache runs
/// on the monotonic clock, so a step of the wall clock does not touch it.
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

/// The time since the epoch; a clock before it reads as the epoch, at which every token is from the
/// future.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
