//! Time, as a tool without a runtime needs it: how long something took, and a short wait.

use std::fmt;
use std::time::Duration;

/// How long ago something began.
#[expect(
    clippy::disallowed_types,
    reason = "no runtime here, and no test pauses this clock"
)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(
        clippy::disallowed_types,
        reason = "no runtime here, and no test pauses this clock"
    )]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// As people read it: whole seconds, tenths below ten.
impl fmt::Display for Stopwatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed().as_secs_f64();
        if seconds < 10.0 {
            write!(out, "{seconds:.1} s")
        } else {
            write!(out, "{seconds:.0} s")
        }
    }
}

/// Waits, for loops that ask another process again and again.
#[expect(
    clippy::disallowed_methods,
    reason = "no runtime here whose worker this could block"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until the answer is yes or `limit` has passed; says which.
pub(crate) fn wait_until(limit: Duration, mut ask: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    loop {
        if ask() {
            return true;
        }
        if watch.elapsed() >= limit {
            return false;
        }
        pause(Duration::from_millis(100));
    }
}
