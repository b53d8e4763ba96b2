//! What can go wrong: troubles that pass, and answers that are final.

use std::fmt;
use std::time::Duration;

use log_wire::ProblemBody;
use thiserror::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A client cannot be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The address is not one to ask.
    #[error("`{url}` is not the address of an API: {reason}")]
    Url {
        /// As it was given; without a user, for that is one of the reasons.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// There is no TLS to be had: no root certificates, say.
    #[error("no secure connection can be made: {0}")]
    Tls(#[source] reqwest::Error),
}

/// The token source has no token.
#[derive(Debug, Error)]
#[error("no token could be had: {source}")]
pub struct TokenError {
    source: Source,
}

impl TokenError {
    pub(crate) fn new(source: impl Into<Source>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// What the server said to a request that it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The API's word for it (`job-not-found`), where the API itself has answered and not somebody before it.
    pub code: Option<String>,
    /// A sentence for people.
    pub detail: String,
    /// Why a token was refused.
    pub reason: Option<String>,
    /// The id of the request, to find it in the server's log.
    pub debug_id: Option<String>,
}

impl Problem {
    pub(crate) fn of(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<ProblemBody>(body) {
            Ok(body) => Self {
                status,
                code: Some(body.code),
                detail: body.detail,
                reason: body.reason,
                debug_id: Some(body.debug_id),
            },
            Err(_) => Self {
                status,
                code: None,
                detail: format!("the server answered {status}"),
                reason: None,
                debug_id: None,
            },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if let Some(reason) = &self.reason {
            write!(f, ", {reason}")?;
        }
        match &self.debug_id {
            Some(id) => write!(f, " ({}, request {id})", self.status),
            None => Ok(()),
        }
    }
}

/// Why a connection was not made or did not last. Trying again can help, and is what happens.
#[derive(Debug, Error)]
pub enum Trouble {
    /// Nobody answered.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] Source),
    /// The server answered that it cannot serve now (5xx, 429).
    #[error("{0}")]
    Unavailable(Problem),
    /// The stream broke off, or ended without `done`.
    #[error("the stream broke off")]
    BrokenOff,
    /// Nothing came, not even a heartbeat, for so long.
    #[error("nothing came for {} s, not even a heartbeat", .0.as_secs_f32())]
    Silent(Duration),
    /// There was no token for the next connection.
    #[error(transparent)]
    Token(TokenError),
}

/// The end of all trying.
#[derive(Debug, Error)]
pub enum ClientError {
    /// 401: no token, or one that the server does not take.
    #[error("{0}")]
    Unauthenticated(Problem),
    /// 404: there is no such job, or it is somebody else's.
    #[error("{0}")]
    NotFound(Problem),
    /// 400, 422: the request makes no sense to this server.
    #[error("{0}")]
    Invalid(Problem),
    /// Any other answer that time does not heal.
    #[error("{0}")]
    Refused(Problem),
    /// There was no token for the very first connection.
    #[error(transparent)]
    Token(TokenError),
    /// What answers does not speak the API's language.
    #[error("what answers is not the API: {0}")]
    NotTheApi(String),
    /// The trouble lasted longer than [`crate::ClientOptions::give_up`].
    #[error("gave up after {} s: {trouble}", .after.as_secs())]
    GaveUp {
        /// The last of it.
        trouble: Trouble,
        /// How long it was tried.
        after: Duration,
    },
}

/// How one request went wrong.
#[derive(Debug)]
pub(crate) enum Failure {
    Final(ClientError),
    /// Worth trying again, not before the time that the server asked for.
    Passing(Trouble, Option<Duration>),
}

impl Failure {
    pub(crate) fn unreachable(error: reqwest::Error) -> Self {
        // The address is the caller's own, and makes the message unreadable.
        Self::Passing(Trouble::Unreachable(innermost(error.without_url())), None)
    }
}

/// The last cause says what happened (`Connection refused`); what wraps it says who noticed.
fn innermost(error: reqwest::Error) -> Source {
    let mut text = error.to_string();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_apis_own_words_are_kept_and_others_are_not_shown() {
        let body = br#"{"status":401,"code":"unauthenticated","detail":"Not authenticated","debug_id":"r-1","reason":"expired"}"#;
        let problem = Problem::of(401, body);
        assert_eq!(
            problem.to_string(),
            "Not authenticated, expired (401, request r-1)"
        );
        let proxy = Problem::of(502, b"<html>\x1b[2J</html>");
        assert_eq!(proxy.to_string(), "the server answered 502");
    }
}
