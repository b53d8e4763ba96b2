//! The listeners, the streams, shutdown, and the service's own log.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::time::Duration;

use url::Url;

use super::capacity::ConnectionSettings;
use super::env::Env;
use super::read::{ConfigError, Reader, Unit};

/// The listeners, CORS and shutdown.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `LOG_API_BIND`: where the API listens.
    pub bind: SocketAddr,
    /// `LOG_API_METRICS_BIND`: where `/metrics` is served; off by default, and never on the public port.
    pub metrics_bind: Option<SocketAddr>,
    /// `LOG_API_CORS_ORIGINS`: exact origins that browsers may call from. Not set, it is the authorized parties that
    /// are origins: the same front ends.
    pub cors_origins: Vec<String>,
    /// `LOG_API_SHUTDOWN_SECS`: the longest time from SIGTERM to the exit.
    pub shutdown: Duration,
    /// `LOG_API_DRAIN_DELAY_SECS`: how long it still listens after readiness has turned, so that a load balancer sees it.
    pub drain_delay: Duration,
    /// `LOG_API_WORKERS`: threads that serve connections; by default one a core.
    pub workers: usize,
    /// The sockets of clients.
    pub connection: ConnectionSettings,
}

const ADDRESS_RULE: &str = "must be an address and a port, for example 127.0.0.1:8080";
const WORKERS_RULE: &str = "must be a whole number from 1 on";
const ORIGIN_RULE: &str = "must be origins, comma-separated, for example https://app.example.com: \
                           a scheme and a host, with no path and no slash at the end";

impl ServerSettings {
    pub(super) fn read(reader: &mut Reader<'_>, authorized_parties: &[String]) -> Self {
        let default_workers = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let default_bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
        let settings = Self {
            bind: reader.parsed("LOG_API_BIND", default_bind, ADDRESS_RULE),
            metrics_bind: reader.optional("LOG_API_METRICS_BIND", ADDRESS_RULE),
            cors_origins: reader
                .commas("LOG_API_CORS_ORIGINS")
                .unwrap_or_else(|| origins_among(authorized_parties)),
            shutdown: reader.duration(
                "LOG_API_SHUTDOWN_SECS",
                Duration::from_secs(30),
                Unit::Seconds,
                1..=3600,
            ),
            drain_delay: reader.duration(
                "LOG_API_DRAIN_DELAY_SECS",
                Duration::from_secs(2),
                Unit::Seconds,
                0..=600,
            ),
            workers: reader
                .parsed("LOG_API_WORKERS", default_workers, WORKERS_RULE)
                .get(),
            connection: ConnectionSettings::read(reader),
        };
        if !settings.cors_origins.iter().all(|origin| is_origin(origin)) {
            reader.problem("LOG_API_CORS_ORIGINS", ORIGIN_RULE);
        }
        settings
    }

    /// What the demo uses: Ctrl-C ends it soon.
    pub(crate) fn for_demo(bind: SocketAddr) -> Self {
        Self {
            bind,
            metrics_bind: None,
            cors_origins: Vec::new(),
            shutdown: Duration::from_secs(3),
            drain_delay: Duration::ZERO,
            workers: 1,
            connection: ConnectionSettings::default(),
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let metrics = self
            .metrics_bind
            .map_or_else(|| "(off)".into(), |addr| addr.to_string());
        let mut values = vec![
            ("LOG_API_BIND", self.bind.to_string()),
            ("LOG_API_METRICS_BIND", metrics),
            ("LOG_API_CORS_ORIGINS", self.cors_origins.join(",")),
            ("LOG_API_SHUTDOWN_SECS", self.shutdown.as_secs().to_string()),
            (
                "LOG_API_DRAIN_DELAY_SECS",
                self.drain_delay.as_secs().to_string(),
            ),
            ("LOG_API_WORKERS", self.workers.to_string()),
        ];
        values.extend(self.connection.describe());
        values
    }
}

/// The parties that are web origins. Others, an extension or an app, make no requests that CORS asks about.
fn origins_among(parties: &[String]) -> Vec<String> {
    let origins = parties.iter().filter(|party| is_origin(party));
    origins.cloned().collect()
}

/// Whether the text is what a browser sends as `Origin`: its own serialisation, to the letter.
fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// The live streams.
#[derive(Debug, Clone)]
pub struct StreamSettings {
    /// `LOG_API_HEARTBEAT_SECS`: after how much silence a heartbeat is sent. At most 23, because one is late by a
    /// second at most and silence never exceeds 25 s.
    pub heartbeat: Duration,
    /// `LOG_API_END_QUIET_MS`: how long nothing may come after a terminal status.
    pub end_quiet: Duration,
    /// `LOG_API_END_LIMIT_MS`: how long a producer that never stops is listened to after it.
    pub end_limit: Duration,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(20),
            end_quiet: Duration::from_millis(250),
            end_limit: Duration::from_secs(5),
        }
    }
}

impl StreamSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let Self {
            heartbeat,
            end_quiet,
            end_limit,
        } = Self::default();
        let (quiet, limit) = ("LOG_API_END_QUIET_MS", "LOG_API_END_LIMIT_MS");
        Self {
            heartbeat: reader.duration("LOG_API_HEARTBEAT_SECS", heartbeat, Unit::Seconds, 1..=23),
            end_quiet: reader.duration(quiet, end_quiet, Unit::Milliseconds, 10..=60_000),
            end_limit: reader.duration(limit, end_limit, Unit::Milliseconds, 10..=600_000),
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "LOG_API_HEARTBEAT_SECS",
                self.heartbeat.as_secs().to_string(),
            ),
            (
                "LOG_API_END_QUIET_MS",
                self.end_quiet.as_millis().to_string(),
            ),
            (
                "LOG_API_END_LIMIT_MS",
                self.end_limit.as_millis().to_string(),
            ),
        ]
    }
}

/// The service's own log, on standard error.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// `LOG_API_LOG`: a filter in the words of `tracing-subscriber`, for example `info,log_api=debug`.
    pub filter: String,
    /// `LOG_API_LOG_FORMAT`: by default text on a terminal, JSON elsewhere.
    pub format: Option<LogFormat>,
}

/// How the service's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl LogFormat {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl LogSettings {
    /// Reads the settings of the log alone, for a command that needs no others, with the filter where none is set.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn from_env(env: &dyn Env, default_filter: &str) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(env);
        let settings = Self::read(&mut reader, default_filter);
        reader.finish(Some(settings))
    }

    pub(super) fn read(reader: &mut Reader<'_>, default_filter: &str) -> Self {
        Self {
            filter: reader
                .text("LOG_API_LOG")
                .unwrap_or_else(|| default_filter.into()),
            format: reader.optional("LOG_API_LOG_FORMAT", "must be `text` or `json`"),
        }
    }

    pub(super) fn describe(&self) -> Vec<(&'static str, String)> {
        let format = self
            .format
            .map_or("(text on a terminal, else json)", LogFormat::as_str);
        vec![
            ("LOG_API_LOG", self.filter.clone()),
            ("LOG_API_LOG_FORMAT", format.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host_to_the_letter() {
        for good in [
            "https://app.example.com",
            "http://localhost:3000",
            "https://a.b:8443",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "*",
            "app.example.com",
            "https://a.example/",
            "https://A.example",
            "null",
            "https://a.example:443",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
