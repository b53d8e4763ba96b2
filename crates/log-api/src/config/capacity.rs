//! How much one process serves, and the sockets of its clients. The catalog gives the reasons.

use std::num::NonZero;
use std::time::Duration;

use super::catalog;
use super::env::NoEnv;
use super::read::Reader;

/// The sockets of clients.
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// `LOG_API_MAX_CONNECTIONS`: further connections are answered 503 and closed.
    pub max: usize,
    /// `LOG_API_BACKLOG`: connections that may wait to be accepted.
    pub backlog: u32,
    /// `LOG_API_SEND_BUFFER_BYTES`: `SO_SNDBUF`; `None`, from 0, leaves it to the kernel.
    pub send_buffer: Option<NonZero<usize>>,
    /// `LOG_API_WRITE_BUFFER_BYTES`: with this many unsent bytes, no more of an answer is produced. With 4 KiB the
    /// buffer of a connection never grows. It concerns pages: a stream has no buffer once its head is sent.
    pub write_buffer: usize,
    /// `LOG_API_HALF_CLOSED`: whether a client that has closed its sending side still gets its stream. If not, a client
    /// that has gone away is noticed at once, on an idle stream too.
    pub half_closed: bool,
    /// `LOG_API_UNREAD_SECS`: how long a client is kept that acknowledges or reads nothing (`TCP_USER_TIMEOUT`).
    pub unread: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self::read(&mut Reader::new(&NoEnv))
    }
}

impl ConnectionSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            max: reader.count(&catalog::MAX_CONNECTIONS),
            backlog: u32::try_from(reader.count(&catalog::BACKLOG)).unwrap_or(u32::MAX),
            send_buffer: reader.limit(&catalog::SEND_BUFFER_BYTES),
            write_buffer: reader.count(&catalog::WRITE_BUFFER_BYTES),
            half_closed: reader.parsed(&catalog::HALF_CLOSED).unwrap_or_default(),
            unread: reader.duration(&catalog::UNREAD_SECS),
        }
    }
}

/// Limits that stop abuse and leave ordinary use alone. They are wide, because the existing browser client never tries
/// again after an error, and a page opens each stream twice in development. `None`, from 0, is no limit.
#[derive(Debug, Clone)]
pub struct LimitSettings {
    /// `LOG_API_MAX_STREAMS_PER_USER`: 429 beyond it.
    pub streams_per_user: Option<NonZero<usize>>,
    /// `LOG_API_MAX_STREAMS_PER_JOB`: 429 beyond it.
    pub streams_per_job: Option<NonZero<usize>>,
    /// `LOG_API_MAX_STREAMS`: 503 beyond it.
    pub streams: Option<NonZero<usize>>,
    /// `LOG_API_FEED_BYTES`: encoded lines of one job that are kept for its viewers. 1 MiB is about 5,000 lines, more
    /// than a viewer that keeps up is ever behind.
    pub feed_bytes: usize,
    /// `LOG_API_FEEDS_BYTES`: the same of all jobs together.
    pub feeds_bytes: usize,
    /// `LOG_API_CATCH_UP_READS`: reads of the store at the same time for viewers that are behind, one per job at most.
    pub catch_up_reads: usize,
    /// `LOG_API_MAX_SEARCHES`: 429 beyond it.
    pub searches: usize,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self::read(&mut Reader::new(&NoEnv))
    }
}

impl LimitSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            streams_per_user: reader.limit(&catalog::MAX_STREAMS_PER_USER),
            streams_per_job: reader.limit(&catalog::MAX_STREAMS_PER_JOB),
            streams: reader.limit(&catalog::MAX_STREAMS),
            feed_bytes: reader.count(&catalog::FEED_BYTES),
            feeds_bytes: reader.count(&catalog::FEEDS_BYTES),
            catch_up_reads: reader.count(&catalog::CATCH_UP_READS),
            searches: reader.count(&catalog::MAX_SEARCHES),
        }
    }
}
