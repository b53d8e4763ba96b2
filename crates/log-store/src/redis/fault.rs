//! What Redis or the way to it said, sorted by what helps.

use fred::error::{Error, ErrorKind};
use thiserror::Error as ThisError;

use crate::error::{CreateJobError, StoreError, StoreRefused, StoreUnavailable, TransitionError};

/// Replies by which a server says that it cannot do this now.
const LATER: [&str; 12] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNBLOCKED",
];

/// A failed command.
#[derive(Debug, ThisError)]
pub(super) enum Fault {
    /// There was no answer: the connection is away or broke. Another connection may do.
    #[error("{0}")]
    Lost(Error),
    /// There was no answer within the deadline.
    #[error("no answer within {} ms{}", .after.as_millis(), .last.as_deref().map(|l| format!("; {l}")).unwrap_or_default())]
    Late {
        /// The deadline.
        after: std::time::Duration,
        /// Why there is no connection, where there is none.
        last: Option<String>,
    },
    /// More was asked of us than the server answers in time.
    #[error("too many operations are under way")]
    Crowded,
    /// The server is there and cannot do it now.
    #[error("{0}")]
    Later(Error),
    /// The server says no, or something that makes no sense.
    #[error("{0}")]
    Refused(Error),
}

impl Fault {
    /// A reply that is not what the command promises.
    pub(super) fn garbled(what: &'static str) -> Self {
        Self::Refused(Error::new(ErrorKind::Protocol, what))
    }

    /// A log that changed under every look at it.
    pub(super) fn unsettled() -> Self {
        Self::Later(Error::new(
            ErrorKind::Unknown,
            "the log changes faster than it can be read",
        ))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = error.details().split(' ').next().unwrap_or_default();
        if LATER.contains(&code) {
            return Self::Later(error);
        }
        // A server's error begins with a code in capitals; fred's own sentences do not.
        let is_reply = code.len() > 1 && code.bytes().all(|b| b.is_ascii_uppercase());
        match error.kind() {
            ErrorKind::Config
            | ErrorKind::Auth
            | ErrorKind::InvalidArgument
            | ErrorKind::InvalidCommand
            | ErrorKind::Parse
            | ErrorKind::NotFound => Self::Refused(error),
            _ if is_reply => Self::Refused(error),
            _ => Self::Lost(error),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Lost(_) | Fault::Late { .. } | Fault::Crowded | Fault::Later(_) => {
                StoreUnavailable::new(fault).into()
            }
            Fault::Refused(_) => StoreRefused::new(fault).into(),
        }
    }
}

impl From<Fault> for CreateJobError {
    fn from(fault: Fault) -> Self {
        StoreError::from(fault).into()
    }
}

impl From<Fault> for TransitionError {
    fn from(fault: Fault) -> Self {
        StoreError::from(fault).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(kind: ErrorKind, text: &'static str) -> Fault {
        Error::new(kind, text).into()
    }

    #[test]
    fn a_server_that_cannot_now_is_unavailable() {
        for text in [
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed",
        ] {
            let read: StoreError = fault(ErrorKind::Unknown, text).into();
            assert!(read.is_retryable(), "{text}");
        }
    }

    #[test]
    fn a_server_that_says_no_is_not() {
        let refused = [
            (ErrorKind::Unknown, "NOPERM this user has no permissions"),
            (ErrorKind::Unknown, "ERR unknown command"),
            (
                ErrorKind::InvalidArgument,
                "WRONGTYPE Operation against a key",
            ),
            (ErrorKind::Auth, "NOAUTH Authentication required."),
        ];
        for (kind, text) in refused {
            let read: StoreError = fault(kind, text).into();
            assert!(!read.is_retryable(), "{text}");
        }
    }

    #[test]
    fn a_broken_connection_may_be_tried_again_at_once() {
        for (kind, text) in [
            (ErrorKind::IO, "Connection reset by peer"),
            (ErrorKind::Canceled, "Connection closed unexpectedly."),
            (ErrorKind::Unknown, "Failed to route command."),
        ] {
            assert!(matches!(fault(kind, text), Fault::Lost(_)), "{text}");
        }
    }
}
