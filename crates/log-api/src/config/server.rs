//! The listeners, CORS, and how the service stops.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::time::Duration;

use url::Url;

use super::address::parse_address;
use super::capacity::ConnectionSettings;
use super::catalog;
use super::env::Env;
use super::error::ConfigError;
use super::read::Reader;
use super::setting::Setting;

/// The listeners, CORS, and how the service stops.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// `LOG_API_BIND`: where the API listens.
    pub bind: SocketAddr,
    /// `LOG_API_METRICS_BIND`: where `/metrics` is served. Off by default, and never on the port of the API.
    pub metrics_bind: Option<SocketAddr>,
    /// `LOG_API_CORS_ORIGINS`: the exact origins that browsers may call from. If it is not set, they are the authorized
    /// parties that are web origins: these are the same front ends.
    pub cors_origins: Vec<String>,
    /// `LOG_API_SHUTDOWN_SECS`: the longest time from SIGTERM to the exit.
    pub shutdown: Duration,
    /// `LOG_API_DRAIN_DELAY_SECS`: how long the service still listens after it has become "not ready", so that a load
    /// balancer notices.
    pub drain_delay: Duration,
    /// `LOG_API_WORKERS`: threads that serve connections; by default one per core.
    pub workers: usize,
    /// The sockets of clients.
    pub connection: ConnectionSettings,
}

impl ServerSettings {
    pub(super) fn read(reader: &mut Reader<'_>, authorized_parties: &[String]) -> Self {
        let default_bind = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let shutdown = reader.duration(&catalog::SHUTDOWN_SECS);
        Self {
            bind: address(reader, &catalog::BIND).unwrap_or(default_bind),
            metrics_bind: address(reader, &catalog::METRICS_BIND),
            cors_origins: cors_origins(reader, authorized_parties),
            shutdown,
            drain_delay: drain_delay(reader, shutdown),
            workers: workers(reader),
            connection: ConnectionSettings::read(reader),
        }
    }

    /// Reads the address of the API alone.
    ///
    /// # Errors
    /// It is no address.
    pub(crate) fn bind_from_env(env: &dyn Env) -> Result<SocketAddr, ConfigError> {
        let mut reader = Reader::new(env);
        let bind = address(&mut reader, &catalog::BIND);
        let (problems, _) = reader.finish();
        bind.ok_or(ConfigError { problems })
    }

    /// The settings of the demo, which ends soon after Ctrl-C.
    #[cfg(feature = "mint")]
    pub(crate) fn for_demo(bind: SocketAddr) -> Self {
        Self {
            bind,
            metrics_bind: None,
            cors_origins: Vec::new(),
            shutdown: Duration::from_secs(3),
            drain_delay: Duration::ZERO,
            workers: 1,
            connection: ConnectionSettings {
                // They fit everywhere, so nobody reads of a limit of the system.
                max: 500,
                ..ConnectionSettings::default()
            },
        }
    }
}

fn address(reader: &mut Reader<'_>, setting: &'static Setting) -> Option<SocketAddr> {
    let text = reader.text(setting)?;
    match parse_address(&text) {
        Ok(address) => Some(address),
        Err(error) => {
            reader.problem(setting, error);
            None
        }
    }
}

fn workers(reader: &mut Reader<'_>) -> usize {
    if reader.given(&catalog::WORKERS).is_some() {
        return reader.count(&catalog::WORKERS);
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    reader.show(&catalog::WORKERS, cores.to_string());
    cores
}

/// A delay that was set must fit into the shutdown. The default delay is cut to fit when the service stops.
fn drain_delay(reader: &mut Reader<'_>, shutdown: Duration) -> Duration {
    let delay = reader.duration(&catalog::DRAIN_DELAY_SECS);
    let is_set = reader.given(&catalog::DRAIN_DELAY_SECS).is_some();
    if is_set && delay > shutdown && !reader.has_problem(&catalog::SHUTDOWN_SECS) {
        let seconds = shutdown.as_secs();
        let rule = format!("must not be longer than LOG_API_SHUTDOWN_SECS, which is {seconds}");
        reader.problem(&catalog::DRAIN_DELAY_SECS, rule);
    }
    delay
}

fn cors_origins(reader: &mut Reader<'_>, authorized_parties: &[String]) -> Vec<String> {
    if let Some(origins) = reader.list(&catalog::CORS_ORIGINS) {
        if !origins.iter().all(|origin| is_origin(origin)) {
            reader.broken_rule(&catalog::CORS_ORIGINS);
        }
        return origins;
    }
    // Others, an extension or an app, send no requests that CORS is about.
    let parties = authorized_parties.iter().filter(|party| is_origin(party));
    let origins: Vec<_> = parties.cloned().collect();
    reader.show(&catalog::CORS_ORIGINS, origins.join(","));
    origins
}

/// Whether a text is exactly what a browser sends as `Origin`.
pub(super) fn is_origin(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exactly_what_a_browser_sends() {
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
