//! How a command ends: the documented exit codes.

use std::fmt;

use log_client::{ClientError, Ending};
use log_store::redis::{CheckError, RedisOptionsError};
use log_store::{StoreError, StoreRefused, StoreUnavailable};

/// The exit codes of every command but `run`, as `--help` lists them.
pub(crate) const CODES: &str = "\
Exit codes:
  0    it did what was asked; for `tail`: the job ended `ready`
  1    `tail`: the job ended `failed`
  2    the command line, or a setting in the environment, makes no sense
  3    there is no such job, or it is not yours; or its record was deleted
  4    the token was refused, or there is none
  5    Redis or the API could not be reached for too long
  6    anything else; standard error says what
A reader of standard output that goes away (`| head`) is no error.";

/// The exit codes of `run`.
pub(crate) const RUN_CODES: &str = "\
Exit codes: the command's own, whatever became of its log; 128 + n where signal n ended it; and
  125  joblog failed before the command was started
  126  the command was found but could not be started
  127  the command was not found";

/// Why a command ends otherwise than well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// For whoever typed the command.
    text: String,
}

impl Failure {
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const NOT_FOUND: u8 = 3;
    pub(crate) const REFUSED: u8 = 4;
    pub(crate) const AWAY: u8 = 5;
    pub(crate) const OTHER: u8 = 6;
    pub(crate) const RUN: u8 = 125;
    pub(crate) const CANNOT_START: u8 = 126;
    pub(crate) const NO_COMMAND: u8 = 127;

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

    /// The same failure, where it keeps a command from being run.
    pub(crate) fn before_the_command(self) -> Self {
        Self {
            code: Self::RUN,
            ..self
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The exit code of a `tail` that saw the end.
pub(crate) fn of_ending(ending: &Ending) -> u8 {
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
            ClientError::Refused(_) | ClientError::NotTheApi(_) => Self::OTHER,
            ClientError::GaveUp { .. } => Self::AWAY,
        };
        Self::new(code, error)
    }
}

impl From<StoreUnavailable> for Failure {
    fn from(error: StoreUnavailable) -> Self {
        Self::new(Self::AWAY, format_args!("Redis: {error}"))
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
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        let code = match &error {
            CheckError::Unavailable(_) => Self::AWAY,
            CheckError::Credentials { .. } => Self::REFUSED,
            CheckError::TooOld { .. } | CheckError::Permission { .. } | CheckError::Refused(_) => {
                Self::OTHER
            }
        };
        Self::new(code, format_args!("Redis: {error}"))
    }
}

impl From<RedisOptionsError> for Failure {
    fn from(error: RedisOptionsError) -> Self {
        Self::usage(format_args!("--redis or REDIS_URL: {error}"))
    }
}
