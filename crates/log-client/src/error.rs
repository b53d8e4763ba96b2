//! What can go wrong: errors that pass, which the client retries, and errors that are final.

use std::fmt;
use std::time::Duration;

use log_wire::{ProblemBody, WriteProblem};
use thiserror::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A client cannot be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The URL cannot be the address of an API.
    #[error("`{url}` is not the address of an API: {reason}")]
    Url {
        /// The URL as it was given, or `…` if it holds a user or a password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up, for example because there are no root certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] Source),
}

/// The token source gave no token.
#[derive(Debug, Error)]
#[error("could not get a token: {source}")]
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

/// What the server said when it refused a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The API's error code (`job-not-found`). `None` if something other than the API answered, a proxy for example.
    pub code: Option<Box<str>>,
    /// A sentence for people.
    pub detail: String,
    /// Why a token was refused.
    pub reason: Option<Box<str>>,
    /// The id of the request, to find it in the server's log.
    pub debug_id: Option<Box<str>>,
    /// What a writer needs to go on.
    pub write: Box<WriteProblem>,
    /// After which time the server wants the client to come back.
    pub retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn from_response(status: u16, body: &[u8]) -> Self {
        match serde_json::from_slice::<ProblemBody>(body) {
            Ok(body) => Self {
                status,
                code: Some(body.code.into()),
                detail: body.detail,
                reason: body.reason.map(Into::into),
                debug_id: Some(body.debug_id.into()),
                write: Box::new(body.write),
                retry_after: None,
            },
            Err(_) => Self {
                status,
                code: None,
                detail: format!("the server answered {status}"),
                reason: None,
                debug_id: None,
                write: Box::default(),
                retry_after: None,
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

/// An error that may pass. The client tries again by itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransientError {
    /// No connection to the server.
    #[error("the server cannot be reached: {0}")]
    Unreachable(#[source] Source),
    /// The server answered that it cannot serve now (5xx, 429).
    #[error("{0}")]
    Unavailable(Problem),
    /// The stream broke, or ended without `done`.
    #[error("the stream was disconnected")]
    Disconnected,
    /// No data for this long, not even a heartbeat.
    #[error("no data for {} s, not even a heartbeat", .0.as_secs_f32())]
    Idle(Duration),
    /// There was no token for the next connection.
    #[error(transparent)]
    Token(TokenError),
}

/// An error after which the client does not try again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// 401: there is no token, or the server does not accept it.
    #[error("{0}")]
    Unauthenticated(Problem),
    /// 404: there is no such job, or it belongs to somebody else.
    #[error("{0}")]
    NotFound(Problem),
    /// 400, 422: the server does not understand the request.
    #[error("{0}")]
    Invalid(Problem),
    /// Any other answer that a retry would not change.
    #[error("{0}")]
    Refused(Problem),
    /// There was no token for the very first connection.
    #[error(transparent)]
    Token(TokenError),
    /// The response is not one of this API.
    #[error("the server is not a joblog API: {0}")]
    NotTheApi(String),
    /// Nothing succeeded for longer than [`crate::ClientOptions::give_up_after`].
    #[error("gave up after {} s: {error}", .after.as_secs())]
    GaveUp {
        /// The last error.
        error: TransientError,
        /// How long the client tried.
        after: Duration,
    },
}

/// Why one request failed.
#[derive(Debug)]
pub(crate) enum RequestError {
    Final(ClientError),
    Transient {
        error: TransientError,
        /// The time after which the server wants the client to come back.
        retry_after: Option<Duration>,
    },
}

impl RequestError {
    pub(crate) const fn transient(error: TransientError) -> Self {
        Self::Transient {
            error,
            retry_after: None,
        }
    }

    pub(crate) fn unreachable(error: reqwest::Error) -> Self {
        // The caller knows the URL, and it makes the message hard to read.
        let cause = innermost_cause(error.without_url());
        Self::transient(TransientError::Unreachable(cause))
    }

    pub(crate) const fn not_the_api(reason: String) -> Self {
        Self::Final(ClientError::NotTheApi(reason))
    }

    /// The error of an operation that makes one attempt only.
    pub(crate) fn into_client_error(self) -> ClientError {
        match self {
            Self::Final(error) => error,
            Self::Transient { error, .. } => ClientError::GaveUp {
                error,
                after: Duration::ZERO,
            },
        }
    }
}

/// The innermost cause says what happened (`Connection refused`). The errors around it only say who noticed.
fn innermost_cause(error: reqwest::Error) -> Source {
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
    fn the_text_of_the_api_is_kept_and_the_text_of_a_proxy_is_not_shown() {
        let body = br#"{"status":401,"code":"unauthenticated","detail":"Not authenticated","debug_id":"r-1","reason":"expired"}"#;
        let problem = Problem::from_response(401, body);
        assert_eq!(
            problem.to_string(),
            "Not authenticated, expired (401, request r-1)"
        );
        let proxy = Problem::from_response(502, b"<html>\x1b[2J</html>");
        assert_eq!(proxy.to_string(), "the server answered 502");
    }
}
