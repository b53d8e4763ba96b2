//! Time as a load needs it: a wall clock that all processes of one machine share, and waits that a signal ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::error::BenchError;

/// Nanoseconds since the epoch. All processes of a machine read the same clock, so a difference across processes
/// is a time.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Waits, for threads that belong to nobody else.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no runtime here whose worker this could block"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Whether somebody wants this to end: Ctrl-C or SIGTERM.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for both signals from now on. A second Ctrl-C is not waited for: everything that waits asks here.
    pub(crate) fn on_signals() -> Result<Self, BenchError> {
        let stop = Self(Arc::default());
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))
                .map_err(BenchError::io("listen for signals"))?;
        }
        Ok(stop)
    }

    /// An error once somebody wants this to end.
    pub(crate) fn check(&self) -> Result<(), BenchError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(BenchError::Stopped);
        }
        Ok(())
    }

    /// Waits, unless somebody wants this to end.
    pub(crate) fn pause(&self, time: Duration) -> Result<(), BenchError> {
        let end = now_ns() + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        loop {
            self.check()?;
            let left = end.saturating_sub(now_ns());
            if left == 0 {
                return Ok(());
            }
            pause(Duration::from_nanos(left.min(50_000_000)));
        }
    }

    /// Asks until the answer is yes; an error that names `what` after `limit`.
    pub(crate) fn until(
        &self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<bool, BenchError>,
    ) -> Result<(), BenchError> {
        let end = now_ns() + u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        while !ask()? {
            if now_ns() > end {
                return Err(BenchError::Late {
                    what: what.to_owned(),
                    limit,
                });
            }
            self.pause(Duration::from_millis(50))?;
        }
        Ok(())
    }
}
