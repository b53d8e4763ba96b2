//! The options of a store.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use fred::types::config::Config;
use log_domain::Lifecycle;
use thiserror::Error;

use super::error_text::text;
use super::keys::KeyPatterns;
use super::options_error::RedisOptionsError;
use super::tls::RedisTls;

/// The schemes that an address may have. `valkey` stands for `redis` in each of them.
const SCHEMES: [&str; 6] = [
    "redis",
    "rediss",
    "redis-cluster",
    "rediss-cluster",
    "redis-sentinel",
    "rediss-sentinel",
];

/// An address as fred reads it without TLS, and whether it asks for TLS. `None` where the scheme is another one: fred would
/// take any for `redis`.
fn without_tls(url: &str) -> Option<(String, bool)> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.replacen("valkey", "redis", 1);
    if !SCHEMES.contains(&scheme.as_str()) {
        return None;
    }
    let has_tls = scheme.starts_with("rediss");
    let scheme = scheme.replacen("rediss", "redis", 1);
    Some((format!("{scheme}://{rest}"), has_tls))
}

/// How a store reaches its Redis and what it does there. [`RedisOptions::new`] has the defaults.
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisOptions {
    /// The address: `redis://[user:password@]host[:port][/db]`, `rediss://` with TLS,
    /// `redis-sentinel://…?sentinelServiceName=…`, `redis-cluster://…`, each as fred parses it, and with `valkey` for
    /// `redis`.
    pub url: String,
    /// Files for TLS: none. Only for an address with TLS.
    pub tls: RedisTls,
    /// The keys of a job.
    pub keys: KeyPatterns,
    /// How long one operation may take, connected or not: 2 s. This is the deadline of R4.
    pub deadline: Duration,
    /// How changes are noticed.
    pub watch: WatchMode,
    /// How long a sweep takes, which reads everything watched again without a reason: 30 s. It bounds how long a change
    /// stays unseen that Redis does not push (`FLUSHALL`, `SWAPDB`, a slot that moved while its key was absent). It takes
    /// ten times as long where `INFO` tells about flushes, which is asked each second (not in a cluster).
    pub sweep_interval: Duration,
    /// How often everything watched is read where the server does not push: 50 ms for up to 100 logs and jobs. With more of
    /// them the time between two reads of one grows with their number, up to 20 times this interval (1 s).
    pub poll_interval: Duration,
    /// What appends keep.
    pub retention: Retention,
    /// The statuses of jobs: those of the wire contract.
    pub lifecycle: Lifecycle,
    /// How many replicas must have a line before its append returns: none. With more, each append waits for them (`WAIT`)
    /// for as long as [`RedisOptions::deadline`], and fails with [`crate::StoreError::Unavailable`] if they have not got it
    /// by then. The line is at the primary all the same (A4 and A5 of [`LogAppend`](crate::LogAppend)).
    pub min_replicas: u32,
}

impl RedisOptions {
    /// The defaults for a Redis at `url`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            tls: RedisTls::default(),
            keys: KeyPatterns::default(),
            deadline: Duration::from_secs(2),
            watch: WatchMode::Auto,
            sweep_interval: Duration::from_secs(30),
            poll_interval: Duration::from_millis(50),
            retention: Retention::default(),
            lifecycle: Lifecycle::default(),
            min_replicas: 0,
        }
    }

    /// Parses the address and refuses options that cannot work.
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
        let (url, has_tls) = without_tls(&self.url).ok_or_else(|| RedisOptionsError::Url {
            reason: format!("it must begin with {}://", SCHEMES.join("://, ")),
        })?;
        let mut config = Config::from_url(&url).map_err(|error| RedisOptionsError::Url {
            reason: text(&error),
        })?;
        if has_tls {
            self.tls.switch_on(&mut config)?;
        } else {
            self.tls.check_unused()?;
        }
        Ok(config)
    }
}

impl fmt::Debug for RedisOptions {
    /// Leaves out the address: it may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("tls", &self.tls)
            .field("keys", &self.keys)
            .field("deadline", &self.deadline)
            .field("watch", &self.watch)
            .field("sweep_interval", &self.sweep_interval)
            .field("poll_interval", &self.poll_interval)
            .field("retention", &self.retention)
            .field("lifecycle", &self.lifecycle)
            .field("min_replicas", &self.min_replicas)
            .finish_non_exhaustive()
    }
}

/// How changes are noticed. As text: `auto`, `tracking` or `poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WatchMode {
    /// By tracking where the server allows it, else by polling.
    #[default]
    Auto,
    /// Only by tracking: while the server refuses it, watches cannot be read.
    Tracking,
    /// Only by polling, over RESP2: for proxies that know neither RESP3 nor tracking.
    Poll,
}

impl WatchMode {
    const ALL: [Self; 3] = [Self::Auto, Self::Tracking, Self::Poll];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tracking => "tracking",
            Self::Poll => "poll",
        }
    }
}

impl fmt::Display for WatchMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WatchMode {
    type Err = UnknownWatchMode;

    fn from_str(text: &str) -> Result<Self, UnknownWatchMode> {
        let mut all = Self::ALL.into_iter();
        all.find(|mode| mode.as_str() == text)
            .ok_or(UnknownWatchMode)
    }
}

/// A text is no [`WatchMode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("must be `auto`, `tracking` or `poll`")]
pub struct UnknownWatchMode;

/// How much of a log is kept. The default is that of existing producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

impl Retention {
    /// Sets [`Retention::lines`].
    #[must_use]
    pub const fn lines(mut self, lines: u32) -> Self {
        self.lines = lines;
        self
    }

    /// Sets [`Retention::ttl`].
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }
}

impl RedisOptions {
    /// Sets [`RedisOptions::tls`].
    #[must_use]
    pub fn tls(mut self, tls: RedisTls) -> Self {
        self.tls = tls;
        self
    }

    /// Sets [`RedisOptions::keys`].
    #[must_use]
    pub fn keys(mut self, keys: KeyPatterns) -> Self {
        self.keys = keys;
        self
    }

    /// Sets [`RedisOptions::deadline`].
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets [`RedisOptions::watch`].
    #[must_use]
    pub const fn watch(mut self, watch: WatchMode) -> Self {
        self.watch = watch;
        self
    }

    /// Sets [`RedisOptions::sweep_interval`].
    #[must_use]
    pub const fn sweep_interval(mut self, sweep_interval: Duration) -> Self {
        self.sweep_interval = sweep_interval;
        self
    }

    /// Sets [`RedisOptions::poll_interval`].
    #[must_use]
    pub const fn poll_interval(mut self, poll_interval: Duration) -> Self {
        self.poll_interval = poll_interval;
        self
    }

    /// Sets [`RedisOptions::retention`].
    #[must_use]
    pub const fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Sets [`RedisOptions::min_replicas`].
    #[must_use]
    pub const fn min_replicas(mut self, min_replicas: u32) -> Self {
        self.min_replicas = min_replicas;
        self
    }

    /// Sets [`RedisOptions::lifecycle`].
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_mode_is_read_as_it_is_written() {
        for mode in WatchMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert_eq!("Poll".parse::<WatchMode>(), Err(UnknownWatchMode));
    }

    #[test]
    fn every_form_of_address_is_read() {
        for (url, has_tls) in [
            ("redis://localhost", false),
            ("redis://user:secret@localhost:7000/3", false),
            ("rediss://localhost", true),
            ("redis-cluster://a:1?node=b:2", false),
            ("redis-sentinel://a:26379?sentinelServiceName=main", false),
            ("valkey://localhost:7000/3", false),
            ("valkeys://localhost", true),
            ("valkey-cluster://a:1?node=b:2", false),
            ("valkeys-sentinel://a:26379?sentinelServiceName=main", true),
        ] {
            let parsed = without_tls(url).map(|(_, has_tls)| has_tls);
            assert_eq!(parsed, Some(has_tls), "{url}");
            let config = RedisOptions::new(url).parse();
            match config {
                Err(RedisOptionsError::NoTls) if cfg!(not(feature = "tls")) => assert!(has_tls),
                config => assert!(config.is_ok(), "{url}"),
            }
        }
    }

    #[test]
    fn an_unreadable_address_is_refused_without_repeating_it() {
        for url in [
            "",
            "localhost",
            "http://u:secret@h",
            "redisss://u:secret@h",
            "valkey-valkey://u:secret@h",
            "redis://u:secret@h:99999",
        ] {
            let refused = RedisOptions::new(url).parse().unwrap_err().to_string();
            assert!(!refused.contains("secret"), "{refused}");
            assert!(!refused.contains(['"', '[']), "{refused}");
        }
    }

    #[test]
    fn a_duration_of_zero_is_refused_by_name() {
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
    fn printed_options_do_not_show_the_password() {
        let options = RedisOptions::new("redis://u:secret@h");
        assert!(!format!("{options:?}").contains("secret"));
    }
}
