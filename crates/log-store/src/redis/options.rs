//! How a store is set up.

use std::fmt;
use std::time::Duration;

use fred::types::config::Config;
use thiserror::Error;

use super::keys::KeyPatterns;

/// The schemes of an address.
const SCHEMES: [&str; 6] = [
    "redis",
    "rediss",
    "redis-cluster",
    "rediss-cluster",
    "redis-sentinel",
    "rediss-sentinel",
];

/// How a store reaches its Redis and what it does there. [`RedisOptions::new`] has the defaults.
#[derive(Clone)]
pub struct RedisOptions {
    /// The address: `redis://[user:password@]host[:port][/db]`, `rediss://` with TLS,
    /// `redis-sentinel://…?sentinelServiceName=…`, `redis-cluster://…`, each as fred reads it.
    pub url: String,
    /// Where a job is kept.
    pub keys: KeyPatterns,
    /// How long one operation may take, connected or not: 2 s. It is the deadline of R4.
    pub deadline: Duration,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// How often everything watched is read again without a reason: 30 s. It bounds how long a change stays unseen
    /// that Redis does not tell about (`FLUSHALL`, `SWAPDB`, a slot that moved while its key was absent). Ten times as
    /// seldom where `INFO` says that nothing was flushed, which is asked every second (not in a cluster).
    pub sweep_interval: Duration,
    /// How often a server without tracking is asked for new lines: 50 ms. Everything else (a status, a trim, a
    /// deletion) is looked at ten times less often.
    pub poll_interval: Duration,
    /// How many logs are read ahead at most, by one read that blocks at Redis: 4. Their lines come after one way to Redis
    /// and back, where a push takes two; it is done while no more than three times as many logs and jobs are watched. 0 for
    /// none, and no connection for it: the right number for who only writes. Not in a cluster, and not by
    /// [`WatchMode::Poll`].
    pub read_ahead: usize,
    /// What appends keep.
    pub retention: Retention,
}

impl RedisOptions {
    /// The defaults for a Redis at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            keys: KeyPatterns::default(),
            deadline: Duration::from_secs(2),
            watch: WatchMode::Auto,
            sweep_interval: Duration::from_secs(30),
            poll_interval: Duration::from_millis(50),
            read_ahead: 4,
            retention: Retention::default(),
        }
    }

    /// Reads the address and refuses what cannot work.
    pub(super) fn parse(&self) -> Result<Config, RedisOptionsError> {
        let durations = [
            ("deadline", self.deadline),
            ("sweep_interval", self.sweep_interval),
            ("poll_interval", self.poll_interval),
            ("retention.ttl", self.retention.ttl),
        ];
        if let Some((field, _)) = durations.into_iter().find(|(_, d)| d.as_millis() == 0) {
            return Err(RedisOptionsError::TooShort { field });
        }
        // fred takes any other scheme for `redis`, without TLS.
        let scheme = self.url.split_once("://").map(|(scheme, _)| scheme);
        if !scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) {
            return Err(RedisOptionsError::Url {
                reason: format!("it must begin with one of {SCHEMES:?} and `://`"),
            });
        }
        Config::from_url(&self.url).map_err(|error| RedisOptionsError::Url {
            reason: error.details().to_owned(),
        })
    }
}

impl fmt::Debug for RedisOptions {
    /// Leaves the address out: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("keys", &self.keys)
            .field("deadline", &self.deadline)
            .field("watch", &self.watch)
            .field("sweep_interval", &self.sweep_interval)
            .field("poll_interval", &self.poll_interval)
            .field("read_ahead", &self.read_ahead)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchMode {
    /// By tracking where the server allows it, else by polling.
    #[default]
    Auto,
    /// By tracking alone: while the server refuses it, nothing watched can be read.
    Tracking,
    /// By polling alone, over RESP2: for proxies that know neither RESP3 nor tracking.
    Poll,
}

/// How much of a log is kept: what existing producers keep, unless told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At least this many of the newest lines: 50,000. Redis trims in blocks, so there may be some more.
    pub lines: u32,
    /// How long after its last append a log is kept: 24 h. Rounded down to whole seconds, at least one.
    pub ttl: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            lines: 50_000,
            ttl: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// A store cannot be set up like this.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedisOptionsError {
    /// The address cannot be read. Does not repeat it: it may hold a password.
    #[error("the address of Redis cannot be read: {reason}")]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// A duration is less than a millisecond.
    #[error("`{field}` must be at least a millisecond")]
    TooShort {
        /// The field of [`RedisOptions`].
        field: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_is_read() {
        for url in [
            "redis://localhost",
            "redis://user:secret@localhost:7000/3",
            "rediss://localhost",
            "redis-cluster://a:1?node=b:2",
            "redis-sentinel://a:26379?sentinelServiceName=main",
        ] {
            assert!(RedisOptions::new(url).parse().is_ok(), "{url}");
        }
    }

    #[test]
    fn an_unreadable_address_is_refused_without_repeating_it() {
        for url in [
            "",
            "localhost",
            "http://u:secret@h",
            "redis://u:secret@h:99999",
        ] {
            let refused = RedisOptions::new(url).parse().unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn a_duration_of_nothing_is_refused_by_name() {
        let mut options = RedisOptions::new("redis://localhost");
        options.poll_interval = Duration::ZERO;
        let refused = options.parse().unwrap_err();
        assert_eq!(
            refused,
            RedisOptionsError::TooShort {
                field: "poll_interval"
            }
        );
    }

    #[test]
    fn printing_options_keeps_the_password() {
        let options = RedisOptions::new("redis://u:secret@h");
        assert!(!format!("{options:?}").contains("secret"));
    }
}
