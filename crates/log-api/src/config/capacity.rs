//! How much one process serves, and the sockets under it. `.env.example` gives the reasons for people.

use std::num::NonZero;
use std::time::Duration;

use super::read::{Reader, Unit};

/// The sockets of clients.
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// `LOG_API_MAX_CONNECTIONS`: further ones are answered 503 and closed. Above the limits of streams, so that pages
    /// and probes get through while streams are full.
    pub max: usize,
    /// `LOG_API_BACKLOG`: connections that wait to be accepted. Reconnects after a restart come all at once; the kernel
    /// cuts it to `net.core.somaxconn`.
    pub backlog: u32,
    /// `LOG_API_SEND_BUFFER_BYTES`: `SO_SNDBUF`. What the kernel holds for a client that reads nothing: up to 4 MiB
    /// each without it. `None`, from 0, leaves it to the kernel.
    pub send_buffer: Option<NonZero<usize>>,
    /// `LOG_API_WRITE_BUFFER_BYTES`: from how many unsent bytes on a connection is not given more. With 4 KiB its
    /// buffer never grows. It concerns pages: a stream has no buffer once its head is out.
    pub write_buffer: usize,
    /// `LOG_API_HALF_CLOSED`: whether a client that has closed its sending side is served on. Without it, one that is
    /// gone is noticed at once, on an idle stream too; with it, only when a heartbeat is answered by a reset.
    pub half_closed: bool,
    /// `LOG_API_UNREAD_SECS`: how long a client is kept that acknowledges or reads nothing (`TCP_USER_TIMEOUT`).
    pub unread: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            max: 25_000,
            backlog: 4096,
            send_buffer: NonZero::new(64 * 1024),
            write_buffer: 4096,
            half_closed: false,
            unread: Duration::from_secs(600),
        }
    }
}

impl ConnectionSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let default = Self::default();
        let send_buffer = default.send_buffer.map_or(0, NonZero::get);
        let half_closed = "must be `true` or `false`";
        let backlog = reader.number("LOG_API_BACKLOG", 4096, 1..=65_535);
        Self {
            max: reader.number("LOG_API_MAX_CONNECTIONS", default.max, 1..=10_000_000),
            backlog: u32::try_from(backlog).unwrap_or(default.backlog),
            send_buffer: reader.limit("LOG_API_SEND_BUFFER_BYTES", send_buffer),
            write_buffer: reader.number(
                "LOG_API_WRITE_BUFFER_BYTES",
                default.write_buffer,
                1024..=1_048_576,
            ),
            half_closed: reader.parsed("LOG_API_HALF_CLOSED", default.half_closed, half_closed),
            unread: reader.duration(
                "LOG_API_UNREAD_SECS",
                default.unread,
                Unit::Seconds,
                1..=86_400,
            ),
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LOG_API_MAX_CONNECTIONS", self.max.to_string()),
            ("LOG_API_BACKLOG", self.backlog.to_string()),
            ("LOG_API_SEND_BUFFER_BYTES", or_zero(self.send_buffer)),
            ("LOG_API_WRITE_BUFFER_BYTES", self.write_buffer.to_string()),
            ("LOG_API_HALF_CLOSED", self.half_closed.to_string()),
            ("LOG_API_UNREAD_SECS", self.unread.as_secs().to_string()),
        ]
    }
}

/// What stops abuse and leaves use alone: the existing browser client never tries again, and a page opens each stream
/// twice in development. `None`, from 0, is no limit.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// `LOG_API_MAX_STREAMS_PER_USER`: 429 beyond.
    pub streams_per_user: Option<NonZero<usize>>,
    /// `LOG_API_MAX_STREAMS_PER_JOB`: 429 beyond.
    pub streams_per_job: Option<NonZero<usize>>,
    /// `LOG_API_MAX_STREAMS`: 503 beyond.
    pub streams: Option<NonZero<usize>>,
    /// `LOG_API_FEED_BYTES`: most bytes of encoded lines kept for the viewers of one job. 1 MiB are some 5,000 lines,
    /// more than a viewer that keeps up is behind; one that is further behind reads the store, and as much again of what
    /// was read so is kept two seconds for those right behind it.
    pub feed_bytes: usize,
    /// `LOG_API_CATCH_UP_READS`: most reads of the store at a time for viewers that catch up, of which one a job; the others wait in
    /// order.
    /// Live reads do not wait for them.
    pub catch_up_reads: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            streams_per_user: NonZero::new(1_000),
            streams_per_job: NonZero::new(20_000),
            streams: NonZero::new(20_000),
            feed_bytes: 1024 * 1024,
            catch_up_reads: 16,
        }
    }
}

impl LimitSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let default = Self::default();
        Self {
            streams_per_user: reader.limit("LOG_API_MAX_STREAMS_PER_USER", 1_000),
            streams_per_job: reader.limit("LOG_API_MAX_STREAMS_PER_JOB", 20_000),
            streams: reader.limit("LOG_API_MAX_STREAMS", 20_000),
            feed_bytes: reader.number(
                "LOG_API_FEED_BYTES",
                default.feed_bytes,
                65_536..=1_073_741_824,
            ),
            catch_up_reads: reader.number(
                "LOG_API_CATCH_UP_READS",
                default.catch_up_reads,
                1..=256,
            ),
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "LOG_API_MAX_STREAMS_PER_USER",
                or_zero(self.streams_per_user),
            ),
            ("LOG_API_MAX_STREAMS_PER_JOB", or_zero(self.streams_per_job)),
            ("LOG_API_MAX_STREAMS", or_zero(self.streams)),
            ("LOG_API_FEED_BYTES", self.feed_bytes.to_string()),
            ("LOG_API_CATCH_UP_READS", self.catch_up_reads.to_string()),
        ]
    }
}

fn or_zero(limit: Option<NonZero<usize>>) -> String {
    limit.map_or(0, NonZero::get).to_string()
}
