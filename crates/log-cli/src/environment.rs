//! Reads the environment. Only this file, and the settings of the service, may do so.

use std::env::VarError;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use log_domain::{JobId, UserId};

use crate::exit::Failure;

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Environment;

impl Environment {
    /// A variable. `None` if it is not set, or contains only white space.
    pub(crate) fn get(self, name: &str) -> Option<String> {
        self.get_exact(name)
            .ok()
            .flatten()
            .filter(|value| !value.trim().is_empty())
    }

    /// An option, or the variable that replaces it.
    pub(crate) fn option_or(self, option: Option<String>, name: &str) -> Option<String> {
        option.or_else(|| self.get(name))
    }

    /// The exact value of a variable. `None` if it is not set.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the only place of the command line that reads the environment"
    )]
    pub(crate) fn get_exact(self, name: &str) -> Result<Option<String>, Failure> {
        match std::env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err(Failure::usage(format_args!(
                "the value of `{name}` is not UTF-8"
            ))),
        }
    }

    /// The names of all variables that are only for joblog. A command that joblog runs does not inherit them.
    pub(crate) fn own_names(self) -> Vec<OsString> {
        let names = std::env::vars_os().map(|(name, _)| name);
        names
            .filter(|name| name.as_encoded_bytes().starts_with(b"JOBLOG_"))
            .collect()
    }

    /// The file that a shell would run for a command: the command itself if it is a path, or the first one in the `PATH`.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the only place of the command line that reads the environment"
    )]
    pub(crate) fn find_program(self, command: &OsStr) -> Option<PathBuf> {
        if command.as_encoded_bytes().contains(&b'/') {
            return Some(command.into()).filter(|path: &PathBuf| path.exists());
        }
        let folders = std::env::var_os("PATH")?;
        let mut files = std::env::split_paths(&folders).map(|folder| folder.join(command));
        files.find(|path| path.is_file())
    }

    /// All variables, sorted by name. What is not UTF-8 in them is replaced, as in a log.
    pub(crate) fn variables(self) -> Vec<(String, String)> {
        let lossy = |text: OsString| text.to_string_lossy().into_owned();
        let mut variables: Vec<_> = std::env::vars_os()
            .map(|(name, value)| (lossy(name), lossy(value)))
            .collect();
        variables.sort_unstable();
        variables
    }

    /// The id of the job.
    pub(crate) fn job_id(self, option: Option<String>, if_missing: &str) -> Result<JobId, Failure> {
        let text = self.option_or(option, "JOBLOG_JOB");
        let text = text.ok_or_else(|| Failure::usage(if_missing))?;
        let id = text.parse::<JobId>();
        id.map_err(|error| Failure::usage(format_args!("the job id {error}")))
    }

    /// The owner of a new job. `None` if there is neither the option nor the variable.
    pub(crate) fn owner(self, option: Option<String>) -> Result<Option<UserId>, Failure> {
        let Some(text) = self.option_or(option, "JOBLOG_USER") else {
            return Ok(None);
        };
        let user = UserId::new(&text);
        let user = user.ok_or_else(|| Failure::usage("the user id must not be empty"))?;
        Ok(Some(user))
    }
}
