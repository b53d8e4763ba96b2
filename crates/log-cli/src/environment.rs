//! What the environment says: with the settings of the service, the only place that reads it.

use std::env::VarError;

use crate::exit::Failure;

/// The variables that stand in for options, as `--help` lists them.
pub(crate) const HELP: &str = "\
Environment:
  REDIS_URL      the Redis, where --redis is not given
  JOBLOG_URL     the API, where --url is not given; comes before REDIS_URL
  JOBLOG_TOKEN   the API's session token; with --token-command it is not used
  JOBLOG_JOB     the job, where none is given
  JOBLOG_USER    the owner of a new job, where --user is not given
  NO_COLOR       set to anything: no colours";

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Environment;

impl Environment {
    /// A setting; `None` where it is not set, or to nothing but white space.
    pub(crate) fn get(self, name: &str) -> Option<String> {
        self.secret(name)
            .ok()
            .flatten()
            .filter(|value| !value.trim().is_empty())
    }

    /// An option, or the variable that stands in for it.
    pub(crate) fn or(self, given: Option<String>, name: &str) -> Option<String> {
        given.or_else(|| self.get(name))
    }

    /// The value of a variable, as it is; `None` where it is not set.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the command line's one place that reads the environment"
    )]
    pub(crate) fn secret(self, name: &str) -> Result<Option<String>, Failure> {
        match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(Failure::usage(format_args!(
                "the value of `{name}` is not UTF-8, and cannot be looked for"
            ))),
        }
    }
}
