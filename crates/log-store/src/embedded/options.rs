//! The options of an embedded store.

use std::time::Duration;

use log_domain::Lifecycle;

/// What an embedded store keeps, and for how long. The defaults are those of the producers of the Redis store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddedOptions {
    /// How many of its newest lines a log keeps at least: 50,000. It may keep two percent more.
    pub max_lines: u64,
    /// How long a log is kept after its last append: 24 hours.
    pub keep_logs: Duration,
    /// How long a job without a log is kept after its last change: 48 hours.
    pub keep_jobs: Duration,
    /// How large the file may become, in bytes: without a bound. Beyond it, the oldest
    /// logs are deleted, and of logs that are written to, the oldest lines. A quarter of it is lines, because pages are half
    /// full at worst and redb doubles its file when it is full. What one transaction writes comes on top for a moment: 32 MiB.
    pub max_bytes: Option<u64>,
    /// The most memory for pages of the file, in bytes: 64 MiB.
    pub cache_bytes: usize,
    /// The statuses of jobs: those of the wire contract.
    pub lifecycle: Lifecycle,
}

/// So long as it is smaller, redb doubles its file when it needs room. From then on it adds so much at a time.
const REGION: u64 = 4 << 30;

impl EmbeddedOptions {
    /// How many bytes of lines the store keeps so that its file has at most [`max_bytes`](Self::max_bytes): a quarter.
    /// Pages are half full at worst, and redb doubles its file when it is full. A large file grows by 4 GiB instead; then it
    /// is half of what is left after two such steps, if that is more.
    pub(super) fn most_line_bytes(&self) -> Option<u64> {
        let bound = self.max_bytes?;
        Some((bound / 4).max(bound.saturating_sub(2 * REGION) / 2))
    }
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_lines: 50_000,
            keep_logs: Duration::from_secs(24 * 3600),
            keep_jobs: Duration::from_secs(48 * 3600),
            max_bytes: None,
            cache_bytes: 64 * 1024 * 1024,
            lifecycle: Lifecycle::default(),
        }
    }
}

impl EmbeddedOptions {
    /// Sets [`EmbeddedOptions::max_lines`].
    #[must_use]
    pub const fn max_lines(mut self, max_lines: u64) -> Self {
        self.max_lines = max_lines;
        self
    }

    /// Sets [`EmbeddedOptions::keep_logs`].
    #[must_use]
    pub const fn keep_logs(mut self, keep_logs: Duration) -> Self {
        self.keep_logs = keep_logs;
        self
    }

    /// Sets [`EmbeddedOptions::keep_jobs`].
    #[must_use]
    pub const fn keep_jobs(mut self, keep_jobs: Duration) -> Self {
        self.keep_jobs = keep_jobs;
        self
    }

    /// Sets [`EmbeddedOptions::max_bytes`].
    #[must_use]
    pub fn max_bytes(mut self, max_bytes: impl Into<Option<u64>>) -> Self {
        self.max_bytes = max_bytes.into();
        self
    }

    /// Sets [`EmbeddedOptions::cache_bytes`].
    #[must_use]
    pub const fn cache_bytes(mut self, cache_bytes: usize) -> Self {
        self.cache_bytes = cache_bytes;
        self
    }

    /// Sets [`EmbeddedOptions::lifecycle`].
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }
}
