//! The options of an embedded store.

use std::time::Duration;

use log_domain::Lifecycle;

/// What an embedded store keeps, and for how long. The defaults are those of the producers of the Redis store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// How many of its newest lines a log keeps at least: 50,000. It may keep two percent more.
    pub max_lines: u64,
    /// How long a log is kept after its last append: 24 hours.
    pub keep_logs: Duration,
    /// How long a job without a log is kept after its last change: 48 hours.
    pub keep_jobs: Duration,
    /// The most memory for pages of the file, in bytes: 64 MiB.
    pub cache_bytes: usize,
    /// The statuses of jobs: those of the wire contract.
    pub lifecycle: Lifecycle,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_lines: 50_000,
            keep_logs: Duration::from_secs(24 * 3600),
            keep_jobs: Duration::from_secs(48 * 3600),
            cache_bytes: 64 * 1024 * 1024,
            lifecycle: Lifecycle::default(),
        }
    }
}
