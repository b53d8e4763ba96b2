//! Why a request is refused: one reason for each cause, with Clerk's own word if Clerk has one.

use std::time::Duration;

use serde_json::json;
use thiserror::Error;

/// The one reason why a request has no session.
///
/// The text of each reason is constant. It never contains a part of a token, a claim or a key id, so
/// it may be logged and sent to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request has no session token.
    #[error("No session token was sent")]
    SessionTokenMissing,
    /// The request's credentials are ambiguous or malformed: several of them, or no scheme.
    #[error("The Authorization header must hold exactly one bearer token")]
    MalformedCredentials,
    /// A request with a session cookie was not made by one of our own pages, or is not a read.
    #[error("The session cookie is accepted from this site's own pages and for reading only")]
    CookieCrossSite,
    /// The token is longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("The token is too large")]
    TokenTooLarge,
    /// The token is not a well-formed JWT.
    #[error("The token is not a well-formed JWT")]
    TokenInvalid,
    /// The token is signed with anything but RS256.
    #[error("The token's algorithm is not accepted")]
    InvalidAlgorithm,
    /// The token is of another class: an API key, an OAuth or machine token, or the token of a JWT
    /// template.
    #[error("The token is not a session token")]
    TypeMismatch,
    /// The token names no key, or a key that this instance does not have.
    #[error("The token's key is not one of this instance's")]
    KeyMismatch,
    /// The signature is wrong.
    #[error("The token's signature does not hold")]
    InvalidSignature,
    /// A claim is missing, of the wrong type or out of range.
    #[error("The token's claims do not hold")]
    VerificationFailed,
    /// The token was issued by somebody else.
    #[error("The token's issuer is not accepted")]
    InvalidIssuer,
    /// The token does not say which origin it was made for. Tokens of native applications and of
    /// Clerk's Backend API do not.
    #[error("The token names no authorized party")]
    MissingAuthorizedParty,
    /// The token was made for another origin.
    #[error("The token's authorized party is not accepted")]
    InvalidAuthorizedParties,
    /// The token has expired.
    #[error("The token has expired")]
    Expired,
    /// The token's `nbf` is in the future.
    #[error("The token is not active yet")]
    NotActiveYet,
    /// The token's `iat` is in the future.
    #[error("The token was issued in the future")]
    IssuedInTheFuture,
    /// The user has not finished signing in.
    #[error("The session is pending")]
    SessionPending,
    /// The session was ended before its token expired. A verifier never returns this: it is for
    /// applications that store which sessions have ended (feature `webhooks`).
    #[error("The session has been revoked")]
    SessionRevoked,
    /// The instance's keys are unavailable, so the token cannot be verified.
    #[error("The key set cannot be reached")]
    KeysUnavailable {
        /// How long to wait before trying again: whole seconds, at least one.
        retry_after: Duration,
    },
}

/// What kind of answer belongs to a [`Rejection`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// The credentials are malformed: 400.
    Malformed,
    /// Nobody is signed in: 401.
    Unauthenticated,
    /// The cookie came with a request that another site may have caused: 403.
    Forbidden,
    /// It is not known whether somebody is signed in: 503. A 401 would sign users out because of an
    /// outage.
    Unavailable {
        /// The value for `Retry-After`: whole seconds, at least one.
        retry_after: Duration,
    },
}

impl Rejection {
    /// The reason's name. Most are the names of Clerk's own SDKs; `session-pending`,
    /// `session-revoked`, `token-too-large`, `token-malformed-credentials`,
    /// `token-missing-authorized-party` and `cookie-cross-site` are ours.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::SessionTokenMissing => "session-token-missing",
            Self::MalformedCredentials => "token-malformed-credentials",
            Self::CookieCrossSite => "cookie-cross-site",
            Self::TokenTooLarge => "token-too-large",
            Self::TokenInvalid => "token-invalid",
            Self::InvalidAlgorithm => "token-invalid-algorithm",
            Self::TypeMismatch => "token-type-mismatch",
            Self::KeyMismatch => "jwk-kid-mismatch",
            Self::InvalidSignature => "token-invalid-signature",
            Self::VerificationFailed => "token-verification-failed",
            Self::InvalidIssuer => "token-invalid-issuer",
            Self::MissingAuthorizedParty => "token-missing-authorized-party",
            Self::InvalidAuthorizedParties => "token-invalid-authorized-parties",
            Self::Expired => "token-expired",
            Self::NotActiveYet => "token-not-active-yet",
            Self::IssuedInTheFuture => "token-iat-in-the-future",
            Self::SessionPending => "session-pending",
            Self::SessionRevoked => "session-revoked",
            Self::KeysUnavailable { .. } => "jwk-remote-failed-to-load",
        }
    }

    /// The body of an answer: `{"status":401,"reason":"token-expired","detail":"The token has expired"}`, a problem
    /// document (RFC 9457) of constant text.
    #[must_use]
    pub fn problem(self) -> String {
        problem(self.kind().status(), self.reason(), &self.to_string())
    }

    /// What kind of answer belongs to this.
    #[must_use]
    pub const fn kind(self) -> RejectionKind {
        match self {
            Self::MalformedCredentials => RejectionKind::Malformed,
            Self::CookieCrossSite => RejectionKind::Forbidden,
            Self::KeysUnavailable { retry_after } => RejectionKind::Unavailable { retry_after },
            Self::SessionTokenMissing
            | Self::TokenTooLarge
            | Self::TokenInvalid
            | Self::InvalidAlgorithm
            | Self::TypeMismatch
            | Self::KeyMismatch
            | Self::InvalidSignature
            | Self::VerificationFailed
            | Self::InvalidIssuer
            | Self::MissingAuthorizedParty
            | Self::InvalidAuthorizedParties
            | Self::Expired
            | Self::NotActiveYet
            | Self::IssuedInTheFuture
            | Self::SessionPending
            | Self::SessionRevoked => RejectionKind::Unauthenticated,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750, section 3): without an error code if the request
    /// had no token, and `None` if another token would change nothing (403 and 503).
    #[must_use]
    pub const fn challenge(self) -> Option<&'static str> {
        match (self, self.kind()) {
            (Self::SessionTokenMissing, _) => Some("Bearer"),
            (_, RejectionKind::Malformed) => Some(r#"Bearer error="invalid_request""#),
            (_, RejectionKind::Unauthenticated) => Some(r#"Bearer error="invalid_token""#),
            (_, RejectionKind::Forbidden | RejectionKind::Unavailable { .. }) => None,
        }
    }
}

impl RejectionKind {
    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::Unavailable { .. } => 503,
        }
    }
}

/// A problem document.
pub(crate) fn problem(status: u16, reason: &str, detail: &str) -> String {
    json!({ "status": status, "reason": reason, "detail": detail }).to_string()
}
