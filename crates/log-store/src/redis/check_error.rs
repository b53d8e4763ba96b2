//! Why a server cannot be used.

use fred::error::ErrorKind;
use thiserror::Error;

use super::error_text::text;
use super::fault::Fault;
use super::server_version::OLDEST_REDIS;
use crate::error::{StoreRefused, StoreUnavailable};

/// A server cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckError {
    /// It is away: check again later.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
    /// It does not accept our name or password.
    #[error("Redis refuses the credentials: {source}")]
    Credentials {
        /// What it said.
        source: StoreRefused,
    },
    /// It cannot be used as the settings say: a certificate, a name, a database.
    #[error("{what}: {source}")]
    Settings {
        /// What is wrong, and what to change.
        what: &'static str,
        /// What it said.
        source: StoreRefused,
    },
    /// It is too old.
    #[error("Redis {found} is too old: {OLDEST_REDIS} is the oldest that works")]
    TooOld {
        /// The version that it reports.
        found: String,
    },
    /// A command is needed and not allowed.
    #[error("the Redis user may not run {command} on `{pattern}`: {source}")]
    Permission {
        /// The command.
        command: &'static str,
        /// The keys or channels, as Redis access lists write them.
        pattern: String,
        /// What the server said.
        source: StoreRefused,
    },
    /// It is one of several nodes of a cluster, which serves a part of the jobs only.
    #[error(
        "the Redis at this address is one node of a cluster, and others have the rest of the keys: the address must begin with redis-cluster:// (rediss-cluster:// with TLS)"
    )]
    OneOfMany,
    /// Its answers are not those of a Redis.
    #[error(transparent)]
    Refused(#[from] StoreRefused),
}

impl CheckError {
    /// Whether the same check can succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Credentials { .. }
            | Self::Settings { .. }
            | Self::TooOld { .. }
            | Self::Permission { .. }
            | Self::OneOfMany
            | Self::Refused(_) => false,
        }
    }
}

impl From<Fault> for CheckError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TryAgain(error) if *error.kind() == ErrorKind::Auth => Self::Credentials {
                source: StoreRefused::new(text(&error)),
            },
            Fault::Permanent(_) | Fault::WrongType(_) | Fault::NotPermitted(_) => {
                Self::Refused(StoreRefused::new(fault))
            }
            Fault::ConnectionLost(_)
            | Fault::DeadlineExceeded { .. }
            | Fault::TooManyOperations
            | Fault::TryAgain(_)
            | Fault::Redirected(_)
            | Fault::Garbled(_) => Self::Unavailable(StoreUnavailable::new(fault)),
        }
    }
}
