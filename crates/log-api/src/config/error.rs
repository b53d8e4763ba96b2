//! What is wrong with the settings: all of it in one message.

use std::fmt::Display;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {rule}")]
pub struct Problem {
    /// The name of the variable.
    pub name: String,
    /// What is wrong, and what to do.
    pub rule: String,
}

impl Problem {
    /// `rule` says what is wrong, and what to do.
    pub fn new(name: impl Into<String>, rule: impl Display) -> Self {
        Self {
            name: name.into(),
            rule: rule.to_string(),
        }
    }
}

/// The settings cannot be used. The text has one line for each problem, and says where to read more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot start with these settings:{}\n`log-api config --format env` explains all settings; `log-api demo` needs none",
    list(.problems)
)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn list(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| format!("\n  {problem}"));
    lines.collect()
}
