//! What a handler may fail with, and what a client is told.
//!
//! A handler returns an [`ApiError`]. [`crate::envelope`] makes the answer from it, because it knows the request's id.

use std::time::Duration;

use actix_web::ResponseError;
use actix_web::http::StatusCode;
use auth::webhooks::WebhookError;
use auth::{Rejection, RejectionKind};
use log_hub::HubError;
use log_store::StoreError;
use log_wire::{ErrorCode, ProblemBody, WriteProblem};

/// The state of the routes cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no tokio runtime to run feeds and background tasks on. Make the state in an `async` function, or after
    /// [`Handle::enter`](tokio::runtime::Handle::enter).
    #[error("the state of log-api is made inside a tokio runtime, and there is none here")]
    NoRuntime,
    /// The hub cannot be made.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// A failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// A failure that its code fully describes.
    #[error("{}", .0.as_str())]
    Code(ErrorCode),
    /// A method the route does not have.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods it has, as `Allow` lists them.
        allow: &'static str,
    },
    /// A parameter, header or path segment breaks its rule.
    #[error("`{field}` {rule}")]
    Invalid {
        /// The name the client used.
        field: &'static str,
        /// What it must be.
        rule: String,
    },
    /// The credentials were refused.
    #[error("credentials refused: {}", .0.reason())]
    Rejected(#[from] Rejection),
    /// A credential was refused that the verifier does not know: a ticket.
    #[error("credentials refused: {reason}")]
    Unauthenticated {
        /// Why: a word from a fixed list.
        reason: &'static str,
    },
    /// A key or an append token does not allow what was asked.
    #[error("the scope {scope} is missing")]
    ScopeMissing {
        /// What it would have to allow.
        scope: &'static str,
    },
    /// A failure of which the answer says more than its code.
    #[error("{}: {detail}", .code.as_str())]
    Write {
        /// The code.
        code: ErrorCode,
        /// The sentence. It contains nothing but numbers, statuses, and what the client sent.
        detail: String,
        /// What a writer needs to go on.
        more: Box<WriteProblem>,
    },
    /// Too much at once: the client comes back after this time.
    #[error("{}", .code.as_str())]
    Wait {
        /// The code.
        code: ErrorCode,
        /// How long to wait.
        retry_after: Duration,
    },
    /// A webhook does not come from Clerk.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApiError {
    /// The code that the client sees.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Code(code) => *code,
            Self::Rejected(rejection) => match rejection.kind() {
                RejectionKind::Malformed => ErrorCode::MalformedCredentials,
                RejectionKind::Unauthenticated => ErrorCode::Unauthenticated,
                RejectionKind::Forbidden => ErrorCode::CookieCrossSite,
                RejectionKind::Unavailable { .. } => ErrorCode::KeysUnavailable,
            },
            Self::Unauthenticated { .. } => ErrorCode::Unauthenticated,
            Self::Webhook(WebhookError::TooLarge) => ErrorCode::WebhookTooLarge,
            Self::Webhook(_) => ErrorCode::InvalidWebhook,
            Self::ScopeMissing { .. } => ErrorCode::ScopeMissing,
            Self::Write { code, .. } | Self::Wait { code, .. } => *code,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::Invalid { .. } => ErrorCode::InvalidParameter,
            Self::Store(StoreError::Unavailable(_)) => ErrorCode::StoreUnavailable,
            // Like a job that is somebody else's: who asks learns nothing of other keys.
            Self::Store(StoreError::NotALog(_)) => ErrorCode::JobNotFound,
            Self::Store(_) => ErrorCode::Internal,
        }
    }

    /// The body that the client sees.
    #[must_use]
    pub fn body(&self, debug_id: &str) -> ProblemBody {
        let body = ProblemBody::new(self.code(), debug_id);
        match self {
            Self::Invalid { field, rule } => body.with_field(field, rule),
            Self::Rejected(rejection) => body.with_reason(rejection.reason()),
            Self::Unauthenticated { reason } => body.with_reason(reason),
            Self::Webhook(error) => body.with_reason(error.reason()),
            Self::ScopeMissing { scope } => body.with_write(WriteProblem {
                scope: Some((*scope).into()),
                ..WriteProblem::default()
            }),
            Self::Write { detail, more, .. } => body
                .with_detail(detail.clone())
                .with_write((**more).clone()),
            Self::Code(_) | Self::MethodNotAllowed { .. } | Self::Wait { .. } | Self::Store(_) => {
                body
            }
        }
    }

    /// Seconds for `Retry-After`, spread so that clients do not all come back at once.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        if !self.code().is_retryable() {
            return None;
        }
        let least = match self {
            Self::Wait { retry_after, .. } => {
                retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0)
            }
            Self::Rejected(rejection) => match rejection.kind() {
                RejectionKind::Unavailable { retry_after } => retry_after.as_secs(),
                RejectionKind::Malformed
                | RejectionKind::Unauthenticated
                | RejectionKind::Forbidden => 0,
            },
            _ => 0,
        };
        let (least, spread) = match self.code() {
            // Another stream has to close first, and many clients may be waiting for that.
            ErrorCode::AtCapacity
            | ErrorCode::TooManySearches
            | ErrorCode::TooManyStreams
            | ErrorCode::TooManyViewers => (5, 10),
            _ => (least.max(1), 2),
        };
        Some(least + fastrand::u64(0..=spread))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use log_store::{StoreRefused, StoreUnavailable};

    use super::*;

    #[test]
    fn an_outage_is_503_with_retry_after_and_shows_nothing_of_its_cause() {
        let error = ApiError::from(StoreError::from(StoreUnavailable::new("10.0.0.7: refused")));
        assert_eq!(error.status_code(), 503);
        assert!((1..=3).contains(&error.retry_after().unwrap()));
        let body = String::from_utf8(error.body("r-1").json()).unwrap();
        assert!(!body.contains("10.0.0.7"), "{body}");
    }

    #[test]
    fn clients_refused_by_a_limit_are_told_to_come_back_at_different_times() {
        let error = ApiError::Code(ErrorCode::AtCapacity);
        let mut after: Vec<_> = (0..1000).filter_map(|_| error.retry_after()).collect();
        after.sort_unstable();
        after.dedup();
        assert_eq!(after, (5..=15).collect::<Vec<_>>());
    }

    #[test]
    fn a_refusal_by_the_store_is_an_internal_error_without_retry_after() {
        let error = ApiError::from(StoreError::from(StoreRefused::new("NOPERM")));
        assert_eq!(
            (error.status_code().as_u16(), error.retry_after()),
            (500, None)
        );
    }
}
