//! The timing of live streams.

use std::time::Duration;

use super::catalog;
use super::env::NoEnv;
use super::read::Reader;

/// The live streams.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// `LOG_API_HEARTBEAT_SECS`: after how much silence a heartbeat is sent. At most 23: a heartbeat may be late by a
    /// second, and the wire contract allows 25 seconds of silence.
    pub heartbeat: Duration,
    /// `LOG_API_END_QUIET_MS`: after a terminal status, a stream ends when no line has come for this long.
    pub end_quiet: Duration,
    /// `LOG_API_END_LIMIT_MS`: after a terminal status, a stream ends at the latest after this long.
    pub end_limit: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self::read(&mut Reader::new(&NoEnv))
    }
}

impl StreamSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            heartbeat: reader.duration(&catalog::HEARTBEAT_SECS),
            end_quiet: reader.duration(&catalog::END_QUIET_MS),
            end_limit: reader.duration(&catalog::END_LIMIT_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use log_hub::HubOptions;

    use super::*;
    use crate::config::LimitSettings;

    #[test]
    fn the_defaults_are_those_of_the_hub() {
        let (stream, limits) = (StreamSettings::default(), LimitSettings::default());
        let hub = HubOptions::default();
        assert_eq!(stream.heartbeat, hub.heartbeat);
        assert_eq!(stream.end_quiet, hub.end_quiet);
        assert_eq!(stream.end_limit, hub.end_limit);
        assert_eq!(limits.feed_bytes, hub.feed_bytes);
        assert_eq!(limits.feeds_bytes, hub.feeds_bytes);
        assert_eq!(limits.catch_up_reads, hub.catch_up_reads);
    }
}
