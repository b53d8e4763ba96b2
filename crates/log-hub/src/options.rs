//! The hub's settings, each with its default and its reason.

use std::time::Duration;

use log_domain::ReadLimit;

/// Settings of a [`crate::Hub`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HubOptions {
    /// How many bytes of encoded frames a feed keeps at most, so that memory is bounded by the number of watched jobs. The
    /// newest frames are kept whatever their size. A feed keeps as much again, for two seconds, of what viewers that catch
    /// up have read. Default 1 MiB: some 5,000 lines, more than any viewer that keeps up is behind.
    pub feed_bytes: usize,
    /// How many bytes of frames all feeds keep together, about. What all viewers of a feed have passed goes first; beyond
    /// the limit, viewers that are behind read the store. Default 256 MiB: a megabyte each for some hundred busy jobs.
    pub feeds_bytes: usize,
    /// How long a feed goes on without viewers, so that a page that is reloaded finds it running. Default 5 s.
    pub linger: Duration,
    /// After how much silence a viewer gets a heartbeat. Default 20 s: proxies cut a silent connection after 30 s.
    pub heartbeat: Duration,
    /// How long nothing new may come after a terminal status before the log counts as ended. Default 250 ms.
    pub end_quiet: Duration,
    /// How long a log goes on after a terminal status where its producer never stops. Default 5 s.
    pub end_limit: Duration,
    /// How many reads of the store for viewers that catch up may be under way at a time, at most one of them for each job.
    /// The others wait in order. The reads of feeds do not count. Default 16.
    pub catch_up_reads: usize,
    /// How much one read of a feed asks for. Default 512 lines or 256 KiB.
    pub read: ReadLimit,
    /// How much one read for a viewer that catches up asks for, if that is less. A viewer whose client is slow holds it in
    /// memory, so it is what a slow viewer costs. Default 256 lines or 64 KiB.
    pub catch_up_read: ReadLimit,
    /// The first pause after a failed read of a feed. It doubles up to a second. Default 50 ms.
    pub retry: Duration,
}

impl HubOptions {
    /// How much a read for a viewer asks for.
    pub(crate) fn viewers_read(&self) -> ReadLimit {
        ReadLimit {
            lines: self.read.lines.min(self.catch_up_read.lines),
            bytes: self.read.bytes.min(self.catch_up_read.bytes),
        }
    }
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            feed_bytes: 1024 * 1024,
            feeds_bytes: 256 * 1024 * 1024,
            linger: Duration::from_secs(5),
            heartbeat: Duration::from_secs(20),
            end_quiet: Duration::from_millis(250),
            end_limit: Duration::from_secs(5),
            catch_up_reads: 16,
            read: ReadLimit {
                lines: 512,
                bytes: 256 * 1024,
            },
            catch_up_read: ReadLimit {
                lines: 256,
                bytes: 64 * 1024,
            },
            retry: Duration::from_millis(50),
        }
    }
}

impl HubOptions {
    /// Sets [`HubOptions::feed_bytes`].
    #[must_use]
    pub const fn feed_bytes(mut self, feed_bytes: usize) -> Self {
        self.feed_bytes = feed_bytes;
        self
    }

    /// Sets [`HubOptions::feeds_bytes`].
    #[must_use]
    pub const fn feeds_bytes(mut self, feeds_bytes: usize) -> Self {
        self.feeds_bytes = feeds_bytes;
        self
    }

    /// Sets [`HubOptions::linger`].
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Sets [`HubOptions::heartbeat`].
    #[must_use]
    pub const fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// Sets [`HubOptions::end_quiet`].
    #[must_use]
    pub const fn end_quiet(mut self, end_quiet: Duration) -> Self {
        self.end_quiet = end_quiet;
        self
    }

    /// Sets [`HubOptions::end_limit`].
    #[must_use]
    pub const fn end_limit(mut self, end_limit: Duration) -> Self {
        self.end_limit = end_limit;
        self
    }

    /// Sets [`HubOptions::catch_up_reads`].
    #[must_use]
    pub const fn catch_up_reads(mut self, catch_up_reads: usize) -> Self {
        self.catch_up_reads = catch_up_reads;
        self
    }

    /// Sets [`HubOptions::read`].
    #[must_use]
    pub const fn read(mut self, read: ReadLimit) -> Self {
        self.read = read;
        self
    }

    /// Sets [`HubOptions::catch_up_read`].
    #[must_use]
    pub const fn catch_up_read(mut self, catch_up_read: ReadLimit) -> Self {
        self.catch_up_read = catch_up_read;
        self
    }

    /// Sets [`HubOptions::retry`].
    #[must_use]
    pub const fn retry(mut self, retry: Duration) -> Self {
        self.retry = retry;
        self
    }
}
