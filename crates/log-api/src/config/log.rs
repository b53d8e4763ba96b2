//! The service's own log, on standard error.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;

use super::catalog;
use super::env::Env;
use super::error::ConfigError;
use super::read::Reader;

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// `LOG_API_LOG`: a filter of `tracing-subscriber`, for example `info,log_api=debug`.
    pub filter: String,
    /// `LOG_API_LOG_FORMAT`: if not set, text on a terminal and JSON elsewhere.
    pub format: Option<LogFormat>,
}

/// How the service's own log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl LogSettings {
    /// Reads the settings of the log alone, for a command that needs no others. `default_filter` is used if none is set.
    ///
    /// # Errors
    /// A setting of the log cannot be used.
    pub fn from_env(env: &dyn Env, default_filter: &str) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(env);
        let filter = reader.given(&catalog::LOG);
        let mut settings = Self::read(&mut reader);
        settings.filter = filter.unwrap_or_else(|| default_filter.to_owned());
        match reader.finish() {
            (problems, _) if problems.is_empty() => Ok(settings),
            (problems, _) => Err(ConfigError { problems }),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let filter = reader.text(&catalog::LOG).unwrap_or_default();
        if let Err(error) = EnvFilter::try_new(&filter) {
            let rule = catalog::LOG.rule.words();
            reader.problem(&catalog::LOG, format!("must be {rule}: {error}"));
        }
        Self {
            filter,
            format: reader.parsed(&catalog::LOG_FORMAT),
        }
    }
}
