//! The service's own log, on standard error.
//!
//! It never contains tokens, claims, raw headers, log text, or anything else from outside that was not parsed first.
//!
//! **Invariant:** a log that cannot be written never harms the service. Messages that do not get through are lost.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, LogSettings};

/// actix logs an error for each body that is broken off on purpose, and a message for each worker that starts.
const QUIET: &str = "actix_http::h1::dispatcher=off,actix_server=warn";

/// Starts the log.
///
/// # Errors
/// The filter cannot be read, or a log was started before.
pub(crate) fn start(settings: &LogSettings) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", settings.filter))
        .map_err(|error| format!("LOG_API_LOG: {error}"))?;
    let terminal = std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let log = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // If a message cannot be written, the subscriber would print that to standard error too, by a macro that
        // panics there: in whatever task logs a message next.
        .log_internal_errors(false)
        .with_ansi(terminal);
    let started = match format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| error.to_string())
}
