//! The service's own log, on standard error.
//!
//! Never in it: tokens, claims, raw headers, log text, anything from outside that was not parsed first.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, LogSettings};

/// actix reports each body that is broken off on purpose as an error of its own, and each start of a worker.
const QUIET: &str = "actix_http::h1::dispatcher=off,actix_server=warn";

/// Refuses a filter that cannot be read.
///
/// # Errors
/// Names the setting.
pub(crate) fn check(settings: &LogSettings) -> Result<(), String> {
    filter(settings).map(drop)
}

/// Starts the log.
///
/// # Errors
/// The filter cannot be read, or a log was started before.
pub(crate) fn start(settings: &LogSettings) -> Result<(), String> {
    let filter = filter(settings)?;
    let terminal = std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let log = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| error.to_string())
}

fn filter(settings: &LogSettings) -> Result<EnvFilter, String> {
    EnvFilter::try_new(format!("{QUIET},{}", settings.filter))
        .map_err(|error| format!("LOG_API_LOG: {error}"))
}
