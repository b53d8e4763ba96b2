//! Why a request is not let in: one reason each, in Clerk's own words where Clerk has a word for
//! it.

use std::time::Duration;

use thiserror::Error;

/// One reason why there is no session.
///
/// The text is constant for each reason: nothing of a token, a claim or a key id is ever in it, so
/// it may be logged and sent to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Rejection {
    /// The request carries no session token at all.
    #[error("No session token was sent")]
    SessionTokenMissing,
    /// The request's credentials cannot be read: several of them, or no scheme.
    #[error("The Authorization header must hold exactly one bearer token")]
    MalformedCredentials,
    /// A session cookie came with a request that no page of ours made, or that is no read.
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
    /// The token is of another class: an API key, an OAuth or machine token, a JWT template's
    /// token.
    #[error("The token is not a session token")]
    TypeMismatch,
    /// The token names no key, or none that this instance has.
    #[error("The token's key is not one of this instance's")]
    KeyMismatch,
    /// The signature does not hold.
    #[error("The token's signature does not hold")]
    InvalidSignature,
    /// A claim is missing, of the wrong type or out of range.
    #[error("The token's claims do not hold")]
    VerificationFailed,
    /// The token comes from another issuer.
    #[error("The token's issuer is not accepted")]
    InvalidIssuer,
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
    /// The session was ended before its token expired. No verifier says this by itself: it is for
    /// those who hear of ended sessions (feature `webhooks`) and keep what they heard.
    #[error("The session has been revoked")]
    SessionRevoked,
    /// The instance's keys cannot be had, so nothing can be said about the token.
    #[error("The key set cannot be reached")]
    KeysUnavailable {
        /// When it may be worth trying again; whole seconds, at least one.
        retry_after: Duration,
    },
}

/// What kind of answer a [`Rejection`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// The credentials cannot be read: 400.
    Malformed,
    /// Nobody is signed in: 401.
    Unauthenticated,
    /// The browser was made to send its cookie by somebody else: 403.
    Forbidden,
    /// It cannot be said whether somebody is signed in: 503. Never answered as 401, which would
    /// sign users out for an outage.
    Unavailable {
        /// The value for `Retry-After`; whole seconds, at least one.
        retry_after: Duration,
    },
}

impl Rejection {
    /// The reason's name. The words are those of Clerk's own SDKs; `session-pending`,
    /// `session-revoked`, `token-too-large`, `token-malformed-credentials` and `cookie-cross-site`
    /// are ours.
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
            Self::InvalidAuthorizedParties => "token-invalid-authorized-parties",
            Self::Expired => "token-expired",
            Self::NotActiveYet => "token-not-active-yet",
            Self::IssuedInTheFuture => "token-iat-in-the-future",
            Self::SessionPending => "session-pending",
            Self::SessionRevoked => "session-revoked",
            Self::KeysUnavailable { .. } => "jwk-remote-failed-to-load",
        }
    }

    /// What kind of answer this asks for.
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
            | Self::InvalidAuthorizedParties
            | Self::Expired
            | Self::NotActiveYet
            | Self::IssuedInTheFuture
            | Self::SessionPending
            | Self::SessionRevoked => RejectionKind::Unauthenticated,
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750, section 3): without an error where nothing was
    /// sent, none where another token would change nothing (403 and 503).
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
