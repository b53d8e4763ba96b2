//! The error for a setting that cannot be right.

use thiserror::Error;

/// A setting that cannot be right: which one, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {problem}")]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self {
            setting,
            problem: problem.into(),
        }
    }

    /// The setting's name: the name of the method or field that sets it.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        self.setting
    }
}
