//! Failed commands, classified by what the caller can do about them.

use std::time::Duration;

use fred::error::{Error, ErrorKind};
use thiserror::Error as ThisError;

use super::error_text::text;
use crate::error::{
    CreateJobError, NotALog, StoreError, StoreRefused, StoreUnavailable, TransitionError,
};
use crate::runs::ClaimError;

/// Error codes by which a server says that it cannot do this now.
const TEMPORARY: [&str; 12] = [
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
    /// There was no answer: the connection is away or broke. The next connection may work.
    #[error("{}", text(.0))]
    ConnectionLost(Error),
    /// There was no answer within the deadline.
    #[error("no answer within {} ms{}", .after.as_millis(), .last.as_deref().map(|l| format!("; {l}")).unwrap_or_default())]
    DeadlineExceeded {
        /// The deadline.
        after: Duration,
        /// Why there is no connection, where there is none.
        last: Option<String>,
    },
    /// The server does not answer as fast as we ask.
    #[error("too many operations are under way")]
    TooManyOperations,
    /// The server answered with an error that may pass. An unknown error is one of these.
    #[error("{}", text(.0))]
    TryAgain(Error),
    /// Another node of the cluster serves the key. Nothing was done.
    #[error("another node of the cluster serves the key")]
    Redirected(Redirection),
    /// The server does not allow or does not know this command. For readers and writers that is an outage: somebody can
    /// change it while we run. [`super::RedisStore::check`] names it.
    #[error("{}", text(.0))]
    NotPermitted(Error),
    /// The key holds something of another type.
    #[error("{}", text(.0))]
    WrongType(Error),
    /// The same command would certainly fail again.
    #[error("{}", text(.0))]
    Permanent(Error),
    /// The reply cannot be the answer to this command, so the later ones on this connection are not to be trusted either.
    /// The connection is ended. See [`super::question`].
    #[error("a reply of Redis does not belong to its command: {0}")]
    Garbled(&'static str),
}

/// What `MOVED` and `ASK` say: another node serves a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    /// `ASK`: for this once. The slot is moving.
    pub(super) asks: bool,
    pub(super) slot: u16,
    /// Empty where it is the host of the node that says so.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Redirection {
    /// `MOVED 3999 127.0.0.1:6381`, or the same with `ASK`.
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let asks = match words.next()? {
            "MOVED" => false,
            "ASK" => true,
            _ => return None,
        };
        let slot = words.next()?.parse().ok()?;
        let (host, port) = words.next()?.rsplit_once(':')?;
        Some(Self {
            asks,
            slot,
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

impl Fault {
    /// The reply is not what the command promises.
    pub(super) const fn garbled(what: &'static str) -> Self {
        Self::Garbled(what)
    }

    /// The server is too old: its replies lack something that cannot be done without.
    pub(super) fn too_old(what: &'static str) -> Self {
        Self::Permanent(Error::new(ErrorKind::Protocol, what))
    }

    /// Whether a server has answered at all.
    pub(super) const fn is_answer(&self) -> bool {
        match self {
            Self::ConnectionLost(_) | Self::DeadlineExceeded { .. } | Self::TooManyOperations => {
                false
            }
            Self::TryAgain(_)
            | Self::Redirected(_)
            | Self::NotPermitted(_)
            | Self::WrongType(_)
            | Self::Permanent(_)
            | Self::Garbled(_) => true,
        }
    }

    /// Whether the server is a replica and has refused a write. Nothing was done.
    pub(super) fn is_read_only(&self) -> bool {
        matches!(self, Self::TryAgain(error) if code(error.details()) == "READONLY")
    }

    /// Whether the server is full and has refused the command for that. Nothing was done.
    pub(super) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::TryAgain(error) if code(error.details()) == "OOM")
    }

    /// Whether a cluster has refused a command because it is changing. Nothing was done.
    pub(super) fn is_cluster_changing(&self) -> bool {
        let changing = ["CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN"];
        matches!(self, Self::TryAgain(error) if changing.contains(&code(error.details())))
    }

    /// The log changed during every attempt to read it.
    pub(super) fn unsettled() -> Self {
        Self::TryAgain(Error::new(
            ErrorKind::Unknown,
            "the log changes faster than it can be read",
        ))
    }
}

impl From<Error> for Fault {
    /// The kind decides first. The text decides only where the kind says nothing.
    fn from(error: Error) -> Self {
        match error.kind() {
            _ if code(error.details()) == "WRONGTYPE" => Self::WrongType(error),
            ErrorKind::Config | ErrorKind::Url | ErrorKind::Parse | ErrorKind::NotFound => {
                Self::Permanent(error)
            }
            // A wrong password is an outage, too: it can be changed on the server. The check at start names it.
            ErrorKind::Cluster => match Redirection::parse(error.details()) {
                Some(to) => Self::Redirected(to),
                None => Self::TryAgain(error),
            },
            ErrorKind::Auth => Self::TryAgain(error),
            // What fred makes of some words of a server or a proxy. It sends no invalid command by itself.
            ErrorKind::InvalidArgument | ErrorKind::InvalidCommand => Self::TryAgain(error),
            ErrorKind::Unknown if is_not_permitted(error.details()) => Self::NotPermitted(error),
            ErrorKind::Unknown if is_error_reply(error.details()) => Self::TryAgain(error),
            _ => Self::ConnectionLost(error),
        }
    }
}

fn is_not_permitted(reply: &str) -> bool {
    code(reply) == "NOPERM"
        || reply.starts_with("ERR unknown command")
        || reply.starts_with("ERR unknown subcommand")
}

/// A server's error begins with a code in capitals; fred's own sentences do not.
fn is_error_reply(text: &str) -> bool {
    let code = code(text);
    code.len() > 1 && code.bytes().all(|b| b.is_ascii_uppercase())
}

fn code(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// Whether the server, or a proxy in front of it, does not offer what was asked (`HELLO 3`, `CLIENT TRACKING`): it answered
/// with an error, and not with one that passes.
pub(super) fn is_not_offered(error: &Error) -> bool {
    let answered = matches!(
        error.kind(),
        ErrorKind::Unknown | ErrorKind::InvalidCommand | ErrorKind::InvalidArgument
    );
    answered && !is_temporary(error)
}

/// Whether a server refuses a command because it cannot save its database.
pub(super) fn is_unable_to_save(error: &Error) -> bool {
    code(error.details()) == "MISCONF"
}

/// Whether a server has answered with an error that passes by itself, or when somebody has looked after the server.
pub(super) fn is_temporary(error: &Error) -> bool {
    TEMPORARY.contains(&code(error.details()))
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::ConnectionLost(_)
            | Fault::DeadlineExceeded { .. }
            | Fault::TooManyOperations
            | Fault::TryAgain(_)
            | Fault::Redirected(_)
            | Fault::NotPermitted(_)
            | Fault::Garbled(_) => StoreUnavailable::new(fault).into(),
            Fault::WrongType(_) => NotALog.into(),
            Fault::Permanent(_) => StoreRefused::new(fault).into(),
        }
    }
}

impl From<Fault> for CreateJobError {
    fn from(fault: Fault) -> Self {
        StoreError::from(fault).into()
    }
}

impl From<Fault> for ClaimError {
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

    #[derive(Debug, PartialEq, Eq)]
    enum Class {
        Lost,
        TryAgain,
        NotPermitted,
        WrongType,
        Permanent,
    }

    fn class(fault: &Fault) -> Class {
        match fault {
            Fault::ConnectionLost(_) => Class::Lost,
            Fault::TryAgain(_) | Fault::Redirected(_) => Class::TryAgain,
            Fault::NotPermitted(_) => Class::NotPermitted,
            Fault::WrongType(_) => Class::WrongType,
            Fault::Permanent(_) => Class::Permanent,
            Fault::DeadlineExceeded { .. } | Fault::TooManyOperations | Fault::Garbled(_) => {
                unreachable!()
            }
        }
    }

    const CLASSES: &[(ErrorKind, &str, Class)] = &[
        (ErrorKind::IO, "Connection reset by peer", Class::Lost),
        (
            ErrorKind::Canceled,
            "Connection closed unexpectedly.",
            Class::Lost,
        ),
        (ErrorKind::Timeout, "Redis does not answer", Class::Lost),
        (ErrorKind::Routing, "Failed to find a node", Class::Lost),
        (ErrorKind::Protocol, "Invalid frame", Class::Lost),
        (ErrorKind::Unknown, "Failed to route command.", Class::Lost),
        (
            ErrorKind::Unknown,
            "LOADING Redis is loading the dataset",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "OOM command not allowed",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "MISCONF Redis is configured to save",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "READONLY You can't write",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "MASTERDOWN Link with MASTER is down",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "TRYAGAIN Multiple keys request",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "BUSY Redis is busy running a script",
            Class::TryAgain,
        ),
        (ErrorKind::Unknown, "ERR upstream failure", Class::TryAgain),
        (ErrorKind::Unknown, "DENIED", Class::TryAgain),
        (
            ErrorKind::Cluster,
            "CLUSTERDOWN The cluster is down",
            Class::TryAgain,
        ),
        (
            ErrorKind::Cluster,
            "MOVED 3999 127.0.0.1:6381",
            Class::TryAgain,
        ),
        (
            ErrorKind::Auth,
            "NOAUTH Authentication required.",
            Class::TryAgain,
        ),
        (
            ErrorKind::Auth,
            "WRONGPASS invalid username-password",
            Class::TryAgain,
        ),
        (
            ErrorKind::Unknown,
            "NOPERM this user has no permissions",
            Class::NotPermitted,
        ),
        (
            ErrorKind::Unknown,
            "ERR unknown command 'XINFO'",
            Class::NotPermitted,
        ),
        (
            ErrorKind::InvalidArgument,
            "WRONGTYPE Operation against a key",
            Class::WrongType,
        ),
        (
            ErrorKind::Unknown,
            "WRONGTYPE Operation against a key script: 5ca1, on @user_script:9.",
            Class::WrongType,
        ),
        (
            ErrorKind::InvalidArgument,
            "Invalid argument(s) of a proxy",
            Class::TryAgain,
        ),
        (
            ErrorKind::InvalidCommand,
            "Invalid command of a proxy",
            Class::TryAgain,
        ),
        (
            ErrorKind::Config,
            "ERR This instance has cluster support disabled",
            Class::Permanent,
        ),
        (
            ErrorKind::Parse,
            "Cannot convert to number.",
            Class::Permanent,
        ),
        // The kind comes first, whatever the text looks like.
        (ErrorKind::IO, "LOADING", Class::Lost),
        (ErrorKind::Config, "LOADING", Class::Permanent),
    ];

    #[test]
    fn every_error_has_the_class_of_its_kind_and_unknown_ones_are_tried_again() {
        for (kind, text, expected) in CLASSES {
            let fault = Fault::from(Error::new(kind.clone(), *text));
            assert_eq!(class(&fault), *expected, "{text}");
            let is_permanent = matches!(expected, Class::Permanent | Class::WrongType);
            assert_eq!(
                StoreError::from(fault).is_retryable(),
                !is_permanent,
                "{text}"
            );
        }
    }

    #[test]
    fn a_command_that_is_not_offered_differs_from_a_temporary_error() {
        let table = [
            (ErrorKind::Unknown, "ERR unknown command 'HELLO'", true),
            (
                ErrorKind::Unknown,
                "NOPROTO unsupported protocol version",
                true,
            ),
            (ErrorKind::Unknown, "unsupported command 'hello'", true),
            (ErrorKind::Unknown, "NOPERM no permissions", true),
            (ErrorKind::Unknown, "LOADING Redis is loading", false),
            (ErrorKind::Auth, "WRONGPASS invalid password", false),
            (ErrorKind::IO, "Connection refused", false),
        ];
        for (kind, text, expected) in table {
            assert_eq!(is_not_offered(&Error::new(kind, text)), expected, "{text}");
        }
    }
}
