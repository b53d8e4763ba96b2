//! How long a stream goes on before its reader is checked again, and what happens then.

use std::str::FromStr;
use std::time::Duration;

use tokio::time::Instant;

/// What happens at the end of a lease if the reader may still read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseMode {
    /// The stream goes on with another lease. For clients that never reconnect.
    #[default]
    Recheck,
    /// The stream ends with `reauth`, and the client comes back with a fresh token.
    Reauth,
}

impl LeaseMode {
    /// The name of the mode in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recheck => "recheck",
            Self::Reauth => "reauth",
        }
    }
}

impl FromStr for LeaseMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Recheck, Self::Reauth]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or(())
    }
}

/// The leases of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeaseOptions {
    /// The longest lease, 5 minutes by default. Each lease is shorter by up to a quarter, so that the leases of streams
    /// that were opened together do not end together.
    pub length: Duration,
    /// What happens at the end of a lease.
    pub mode: LeaseMode,
}

impl Default for LeaseOptions {
    fn default() -> Self {
        Self {
            length: Duration::from_secs(300),
            mode: LeaseMode::Recheck,
        }
    }
}

impl LeaseOptions {
    /// Sets [`LeaseOptions::length`].
    #[must_use]
    pub const fn length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// Sets [`LeaseOptions::mode`].
    #[must_use]
    pub const fn mode(mut self, mode: LeaseMode) -> Self {
        self.mode = mode;
        self
    }
}

impl LeaseOptions {
    /// The end of a lease that begins now.
    pub(super) fn end_from(&self, now: Instant) -> Instant {
        now + self.length.mul_f64(0.75 + fastrand::f64() / 4.0)
    }

    /// How often leases are checked: often enough that no check is late by more than a second.
    pub(super) fn tick(&self) -> Duration {
        (self.length / 20).clamp(Duration::from_millis(50), Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_leases_opened_together_end_over_a_minute() {
        let (options, now) = (LeaseOptions::default(), Instant::now());
        let mut ends: Vec<_> = (0..1000).map(|_| options.end_from(now)).collect();
        ends.sort_unstable();
        assert!(ends[999] - ends[0] >= Duration::from_secs(60));
        assert!(ends[999] - now <= options.length);
        // They are spread evenly: no second has many more than its share.
        for at in ends.windows(50) {
            assert!(at[49] - at[0] > Duration::from_secs(1));
        }
    }
}
