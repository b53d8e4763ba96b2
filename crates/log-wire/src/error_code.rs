//! The errors that a client can see. Each has a code, an HTTP status and a constant sentence.
//!
//! Internal text is never sent. Only these parts of an answer vary, and the last two are from fixed lists: the id of the
//! request, the name of a refused field with its rule, and the reason why a token was refused.

use serde::{Deserialize, Serialize};

/// Everything that can go wrong for a client, in alphabetical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The server has reached its limit of connections or streams.
    AtCapacity,
    /// A session cookie came with a request from another site, or with a method that changes something.
    CookieCrossSite,
    /// A bug in the service.
    Internal,
    /// A parameter, header or path segment breaks its rule.
    InvalidParameter,
    /// A webhook that cannot be read, or whose signature is wrong.
    InvalidWebhook,
    /// The job does not exist or belongs to somebody else.
    JobNotFound,
    /// The keys that verify tokens cannot be fetched.
    KeysUnavailable,
    /// The credentials cannot be read: they have no scheme, for example, or there are two tokens.
    MalformedCredentials,
    /// The route exists, but not with this method.
    MethodNotAllowed,
    /// There is no such route.
    RouteNotFound,
    /// The store of logs and jobs cannot be reached.
    StoreUnavailable,
    /// As many searches are under way as the server allows.
    TooManySearches,
    /// The caller has as many open streams as a user may have.
    TooManyStreams,
    /// The job has as many open streams as a job may have.
    TooManyViewers,
    /// There are no credentials, or they are not valid.
    Unauthenticated,
    /// A webhook is longer than any that is accepted.
    WebhookTooLarge,
}

impl ErrorCode {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidWebhook | Self::MalformedCredentials => 400,
            Self::Unauthenticated => 401,
            Self::CookieCrossSite => 403,
            Self::JobNotFound | Self::RouteNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::WebhookTooLarge => 413,
            Self::InvalidParameter => 422,
            Self::TooManySearches | Self::TooManyStreams | Self::TooManyViewers => 429,
            Self::Internal => 500,
            Self::AtCapacity | Self::KeysUnavailable | Self::StoreUnavailable => 503,
        }
    }

    /// Whether the same request can succeed later. Such answers have a `Retry-After`.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::AtCapacity
            | Self::KeysUnavailable
            | Self::StoreUnavailable
            | Self::TooManySearches
            | Self::TooManyStreams
            | Self::TooManyViewers => true,
            Self::CookieCrossSite
            | Self::Internal
            | Self::InvalidParameter
            | Self::InvalidWebhook
            | Self::JobNotFound
            | Self::MalformedCredentials
            | Self::MethodNotAllowed
            | Self::RouteNotFound
            | Self::Unauthenticated
            | Self::WebhookTooLarge => false,
        }
    }

    /// The code as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtCapacity => "at-capacity",
            Self::CookieCrossSite => "cookie-cross-site",
            Self::Internal => "internal",
            Self::InvalidParameter => "invalid-parameter",
            Self::InvalidWebhook => "invalid-webhook",
            Self::JobNotFound => "job-not-found",
            Self::KeysUnavailable => "keys-unavailable",
            Self::MalformedCredentials => "malformed-credentials",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::RouteNotFound => "route-not-found",
            Self::StoreUnavailable => "store-unavailable",
            Self::TooManySearches => "too-many-searches",
            Self::TooManyStreams => "too-many-streams",
            Self::TooManyViewers => "too-many-viewers",
            Self::Unauthenticated => "unauthenticated",
            Self::WebhookTooLarge => "webhook-too-large",
        }
    }

    /// The sentence for people, unless the answer has a more precise one.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::AtCapacity => "The server is full; try again shortly",
            Self::CookieCrossSite => {
                "The session cookie is accepted from this site's own pages and for reading only"
            }
            Self::Internal => "Something went wrong on our side",
            Self::InvalidParameter => "A parameter is not valid",
            Self::InvalidWebhook => "The webhook is not accepted",
            Self::JobNotFound => "Job not found",
            Self::KeysUnavailable => "Tokens cannot be verified right now; try again shortly",
            Self::MalformedCredentials => {
                "The credentials are malformed; send one `Authorization: Bearer <token>` header"
            }
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::RouteNotFound => "Not found",
            Self::StoreUnavailable => "Logs cannot be read right now; try again shortly",
            Self::TooManySearches => "Too many searches are running; try again shortly",
            Self::TooManyStreams => "Too many open streams; close one or try again later",
            Self::TooManyViewers => "Too many viewers of this job; try again later",
            Self::Unauthenticated => "Not authenticated",
            Self::WebhookTooLarge => "The webhook's body is too large",
        }
    }
}

/// The body of every error, `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// The HTTP status, as in the head of the answer.
    pub status: u16,
    /// An [`ErrorCode`] as text.
    pub code: String,
    /// A sentence for people.
    pub detail: String,
    /// The id of the request, to find it in the server's log.
    pub debug_id: String,
    /// The refused parameter or header; only with `invalid-parameter`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// Why the credentials were refused: a word from a fixed list.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl ProblemBody {
    /// The body for `code`, with its constant sentence.
    #[must_use]
    pub fn new(code: ErrorCode, debug_id: &str) -> Self {
        Self {
            status: code.status(),
            code: code.as_str().into(),
            detail: code.detail().into(),
            debug_id: debug_id.into(),
            field: None,
            reason: None,
        }
    }

    /// Names the refused field and its rule.
    #[must_use]
    pub fn with_field(mut self, field: &str, rule: &str) -> Self {
        self.detail = format!("`{field}` {rule}");
        self.field = Some(field.into());
        self
    }

    /// Names why the credentials were refused.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(192);
        crate::rest::write_json(&mut json, self);
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_field_is_named_with_its_rule() {
        let body = ProblemBody::new(ErrorCode::InvalidParameter, "r-1")
            .with_field("limit", "must be a whole number from 1 to 500");
        insta::assert_snapshot!(String::from_utf8(body.json()).unwrap(), @r#"{"status":422,"code":"invalid-parameter","detail":"`limit` must be a whole number from 1 to 500","debug_id":"r-1","field":"limit"}"#);
    }

    #[test]
    fn outages_are_503_and_retryable() {
        for code in [
            ErrorCode::AtCapacity,
            ErrorCode::StoreUnavailable,
            ErrorCode::KeysUnavailable,
        ] {
            assert!(code.is_retryable() && code.status() == 503);
        }
        assert!(!ErrorCode::Unauthenticated.is_retryable());
    }
}
