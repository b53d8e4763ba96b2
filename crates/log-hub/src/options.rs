//! The hub's settings, each with its default and its reason.

use std::time::Duration;

use log_domain::ReadLimit;

/// Settings of a [`crate::Hub`].
#[derive(Debug, Clone)]
pub struct HubOptions {
    /// Most bytes of encoded frames a feed keeps, so that memory is bounded by watched jobs. The newest batch is
    /// kept whatever its size. Default 1 MiB: some 5,000 lines, more than any viewer that keeps up is behind. As much
    /// again, for two seconds, of what viewers that catch up have read.
    pub feed_bytes: usize,
    /// How long a feed goes on without viewers, so that a page that reloads finds it warm. Default 5 s.
    pub linger: Duration,
    /// After how much silence a viewer gets a heartbeat. Default 20 s: proxies cut at 30.
    pub heartbeat: Duration,
    /// How long nothing new may come after a terminal status before the log counts as ended. Default 250 ms.
    pub end_quiet: Duration,
    /// How long after a terminal status a producer that never stops is listened to. Default 5 s.
    pub end_limit: Duration,
    /// Most reads of the store at a time for viewers that catch up, of which one a job; the others wait their turn in
    /// order. Feeds' own reads do not count. Default 16.
    pub catch_up_reads: usize,
    /// How much one read asks for. Default 512 lines or 256 KiB.
    pub read: ReadLimit,
    /// How much one read for a viewer that catches up asks for, if that is less. A viewer whose client reads nothing
    /// holds on to it, so it is what a slow viewer costs. Default 256 lines or 64 KiB.
    pub catch_up_read: ReadLimit,
    /// The first pause after a failed read of a feed; it doubles up to a second. Default 50 ms.
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
