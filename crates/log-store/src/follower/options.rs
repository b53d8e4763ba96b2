//! Settings of a follower.

use std::time::Duration;

use log_domain::{EndRules, ReadLimit};

/// Settings of a [`crate::Follower`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FollowOptions {
    /// How much one read asks for. Default 512 lines or 256 KiB.
    pub read: ReadLimit,
    /// How long it goes on after a terminal status. Default: until 250 ms bring no new line, 5 s at most.
    pub end: EndRules,
    /// The first pause after a failed read. It doubles up to [`crate::Follower::LONGEST_RETRY`]. Default 50 ms.
    pub retry: Duration,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            read: ReadLimit {
                lines: 512,
                bytes: 256 * 1024,
            },
            end: EndRules {
                quiet: Duration::from_millis(250),
                limit: Duration::from_secs(5),
            },
            retry: Duration::from_millis(50),
        }
    }
}

impl FollowOptions {
    /// Sets [`FollowOptions::read`].
    #[must_use]
    pub const fn read(mut self, read: ReadLimit) -> Self {
        self.read = read;
        self
    }

    /// Sets [`FollowOptions::end`].
    #[must_use]
    pub const fn end(mut self, end: EndRules) -> Self {
        self.end = end;
        self
    }

    /// Sets [`FollowOptions::retry`].
    #[must_use]
    pub const fn retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }
}
