//! How a command fails: a message and an exit code. `--help` lists the exit codes.

use std::fmt;

use log_client::{ClientError, Ending};
use log_store::redis::{CheckError, RedisOptionsError};
use log_store::{StoreError, StoreRefused, StoreUnavailable};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// The message for the user.
    text: String,
}

impl Failure {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const NOT_FOUND: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const UNREACHABLE: u8 = 5;
    pub(crate) const OTHER: u8 = 6;
    pub(crate) const RUN_FAILED: u8 = 125;
    pub(crate) const CANNOT_START: u8 = 126;
    pub(crate) const COMMAND_NOT_FOUND: u8 = 127;

    pub(crate) fn new(code: u8, text: impl fmt::Display) -> Self {
        Self {
            code,
            text: text.to_string(),
        }
    }

    pub(crate) fn usage(text: impl fmt::Display) -> Self {
        Self::new(Self::USAGE, text)
    }

    pub(crate) fn no_such_job(job: &log_domain::JobId) -> Self {
        Self::new(Self::NOT_FOUND, format_args!("there is no job `{job}`"))
    }

    /// The same failure with the exit code of `run`, for a failure before the command was started.
    pub(crate) fn before_the_command(self) -> Self {
        Self {
            code: Self::RUN_FAILED,
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The exit code of `tail` after the job has ended.
pub(crate) fn code_from_ending(ending: &Ending) -> u8 {
    match ending {
        Ending::Ready => 0,
        Ending::Failed => Failure::FAILED,
        Ending::Deleted => Failure::NOT_FOUND,
        Ending::Other(_) => Failure::OTHER,
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Unauthenticated(_) | ClientError::Token(_) => Self::REFUSED,
            ClientError::NotFound(_) => Self::NOT_FOUND,
            ClientError::Invalid(_) => Self::USAGE,
            ClientError::Refused(problem) if problem.status == 403 => Self::REFUSED,
            ClientError::GaveUp { .. } => Self::UNREACHABLE,
            _ => Self::OTHER,
        };
        Self::new(code, error)
    }
}

impl From<StoreUnavailable> for Failure {
    fn from(error: StoreUnavailable) -> Self {
        let text = format_args!("Redis: it cannot be reached: {}", cause(&error));
        Self::new(Self::UNREACHABLE, text)
    }
}

impl From<StoreRefused> for Failure {
    fn from(error: StoreRefused) -> Self {
        Self::new(Self::OTHER, format_args!("Redis: {error}"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => error.into(),
            StoreError::Refused(error) => error.into(),
            StoreError::NotALog(error) => {
                Self::new(Self::NOT_FOUND, format_args!("Redis: {error}"))
            }
            error => Self::new(Self::OTHER, format_args!("Redis: {error}")),
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        let code = match &error {
            CheckError::Unavailable(_) => Self::UNREACHABLE,
            CheckError::Credentials { .. } => Self::REFUSED,
            _ => Self::OTHER,
        };
        Self::new(code, format_args!("Redis: {error}"))
    }
}

impl From<RedisOptionsError> for Failure {
    fn from(error: RedisOptionsError) -> Self {
        let name = match &error {
            RedisOptionsError::CaFile { .. } => "--redis-ca-file or JOBLOG_REDIS_CA_FILE",
            RedisOptionsError::CertFile { .. } => "--redis-cert-file or JOBLOG_REDIS_CERT_FILE",
            RedisOptionsError::KeyFile { .. } => "--redis-key-file or JOBLOG_REDIS_KEY_FILE",
            // The address, and what a later version may add.
            _ => "--redis, JOBLOG_REDIS_URL or REDIS_URL",
        };
        Self::usage(format_args!("{name}: {error}"))
    }
}

/// Why Redis cannot be reached.
pub(crate) fn cause(error: &StoreUnavailable) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}
