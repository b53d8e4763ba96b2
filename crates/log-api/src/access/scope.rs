//! What a key or an append token allows.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One thing that a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Create jobs, and get append tokens for them.
    JobsCreate,
    /// Change the status of jobs.
    JobsStatus,
    /// Append lines.
    LogsAppend,
    /// Read the log of any job. For tools, not for people.
    LogsRead,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [
        Self::JobsCreate,
        Self::JobsStatus,
        Self::LogsAppend,
        Self::LogsRead,
    ];

    /// The scope as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JobsCreate => "jobs:create",
            Self::JobsStatus => "jobs:status",
            Self::LogsAppend => "logs:append",
            Self::LogsRead => "logs:read",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a scope is one of `jobs:create`, `jobs:status`, `logs:append` and `logs:read`")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |scope: &Self| scope.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(ScopeError)
    }
}
