//! The errors that a client can see. Each has a code, an HTTP status and a constant sentence.
//!
//! Internal text is never sent. Only these parts of an answer vary, and the last two are from fixed lists: the id of the
//! request, the name of a refused field with its rule, and the reason why a token was refused.

use std::collections::BTreeMap;

use log_domain::JobStatus;
use serde::{Deserialize, Serialize};

/// Everything that can go wrong for a client, in alphabetical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// More lines or bytes than a job may append in this time.
    AppendRate,
    /// The server has reached its limit of connections or streams.
    AtCapacity,
    /// The body stopped coming before its end.
    BodyTimeout,
    /// The body has more bytes or lines than one request may have.
    BodyTooLarge,
    /// A session cookie came with a request from another site, or with a method that changes something.
    CookieCrossSite,
    /// The server stops, and an append is broken off.
    Draining,
    /// A bug in the service.
    Internal,
    /// A parameter, header or path segment breaks its rule.
    InvalidParameter,
    /// A webhook that cannot be read, or whose signature is wrong.
    InvalidWebhook,
    /// The job ended a while ago, and takes no more lines.
    JobEnded,
    /// There is a job with this id, and it belongs to somebody else.
    JobExists,
    /// The job does not exist or belongs to somebody else.
    JobNotFound,
    /// The keys that verify tokens cannot be fetched.
    KeysUnavailable,
    /// Lines before those of the request are missing.
    LineGap,
    /// A line of the body cannot be read. Nothing of the body was appended.
    LineMalformed,
    /// Lines that the request counts on are not in the log.
    LinesMissing,
    /// The credentials cannot be read: they have no scheme, for example, or there are two tokens.
    MalformedCredentials,
    /// The route exists, but not with this method.
    MethodNotAllowed,
    /// There is no such route.
    RouteNotFound,
    /// The key or the append token is valid, and does not allow this.
    ScopeMissing,
    /// The producer has started anew, and the request is from before.
    StaleEpoch,
    /// The status of the job cannot become the one that was asked for.
    StatusConflict,
    /// The store of logs and jobs cannot be reached.
    StoreUnavailable,
    /// Too many unknown keys or tokens came from the caller's address.
    TooManyFailures,
    /// As many searches are under way as the server allows.
    TooManySearches,
    /// The caller has as many open streams as a user may have.
    TooManyStreams,
    /// The job has as many open streams as a job may have.
    TooManyViewers,
    /// The body has a type or an encoding that is not understood.
    UnsupportedMediaType,
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
            Self::CookieCrossSite | Self::ScopeMissing | Self::StaleEpoch => 403,
            Self::JobNotFound | Self::RouteNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::BodyTimeout => 408,
            Self::JobEnded
            | Self::JobExists
            | Self::LineGap
            | Self::LinesMissing
            | Self::StatusConflict => 409,
            Self::BodyTooLarge | Self::WebhookTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidParameter | Self::LineMalformed => 422,
            Self::AppendRate
            | Self::TooManyFailures
            | Self::TooManySearches
            | Self::TooManyStreams
            | Self::TooManyViewers => 429,
            Self::Internal => 500,
            Self::AtCapacity | Self::Draining | Self::KeysUnavailable | Self::StoreUnavailable => {
                503
            }
        }
    }

    /// Whether the same request can succeed later. Such answers have a `Retry-After`.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::AppendRate
            | Self::AtCapacity
            | Self::BodyTimeout
            | Self::Draining
            | Self::KeysUnavailable
            | Self::StoreUnavailable
            | Self::TooManyFailures
            | Self::TooManySearches
            | Self::TooManyStreams
            | Self::TooManyViewers => true,
            Self::BodyTooLarge
            | Self::CookieCrossSite
            | Self::Internal
            | Self::InvalidParameter
            | Self::InvalidWebhook
            | Self::JobEnded
            | Self::JobExists
            | Self::JobNotFound
            | Self::LineGap
            | Self::LineMalformed
            | Self::LinesMissing
            | Self::MalformedCredentials
            | Self::MethodNotAllowed
            | Self::RouteNotFound
            | Self::ScopeMissing
            | Self::StaleEpoch
            | Self::StatusConflict
            | Self::Unauthenticated
            | Self::UnsupportedMediaType
            | Self::WebhookTooLarge => false,
        }
    }

    /// The code as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AppendRate => "append-rate",
            Self::AtCapacity => "at-capacity",
            Self::BodyTimeout => "body-timeout",
            Self::BodyTooLarge => "body-too-large",
            Self::CookieCrossSite => "cookie-cross-site",
            Self::Draining => "draining",
            Self::Internal => "internal",
            Self::InvalidParameter => "invalid-parameter",
            Self::InvalidWebhook => "invalid-webhook",
            Self::JobEnded => "job-ended",
            Self::JobExists => "job-exists",
            Self::JobNotFound => "job-not-found",
            Self::KeysUnavailable => "keys-unavailable",
            Self::LineGap => "line-gap",
            Self::LineMalformed => "line-malformed",
            Self::LinesMissing => "lines-missing",
            Self::MalformedCredentials => "malformed-credentials",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::RouteNotFound => "route-not-found",
            Self::ScopeMissing => "scope-missing",
            Self::StaleEpoch => "stale-epoch",
            Self::StatusConflict => "status-conflict",
            Self::StoreUnavailable => "store-unavailable",
            Self::TooManyFailures => "too-many-failures",
            Self::TooManySearches => "too-many-searches",
            Self::TooManyStreams => "too-many-streams",
            Self::TooManyViewers => "too-many-viewers",
            Self::Unauthenticated => "unauthenticated",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::WebhookTooLarge => "webhook-too-large",
        }
    }

    /// The sentence for people, unless the answer has a more precise one.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::AppendRate => "This job appends too much at once; try again shortly",
            Self::AtCapacity => "The server is full; try again shortly",
            Self::BodyTimeout => "The body stopped coming before its end",
            Self::BodyTooLarge => "The body is too large",
            Self::CookieCrossSite => {
                "The session cookie is accepted from this site's own pages and for reading only"
            }
            Self::Draining => "The server is restarting; try again shortly",
            Self::Internal => "Something went wrong on our side",
            Self::InvalidParameter => "A parameter is not valid",
            Self::InvalidWebhook => "The webhook is not accepted",
            Self::JobEnded => "The job ended a while ago and takes no more lines",
            Self::JobExists => "A job with this id belongs to somebody else",
            Self::JobNotFound => "Job not found",
            Self::KeysUnavailable => "Tokens cannot be verified right now; try again shortly",
            Self::LineGap => "Lines before these are missing; send from line `next` on",
            Self::LineMalformed => "A line of the body cannot be read; nothing was appended",
            Self::LinesMissing => "Not all lines are in the log yet; send them and try again",
            Self::MalformedCredentials => {
                "The credentials are malformed; send one `Authorization: Bearer <token>` header"
            }
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::RouteNotFound => "Not found",
            Self::ScopeMissing => "The key or append token does not allow this",
            Self::StaleEpoch => "Another worker has taken over: the producer has a newer epoch",
            Self::StatusConflict => "The status of the job cannot become this one",
            Self::StoreUnavailable => "Logs cannot be read right now; try again shortly",
            Self::TooManyFailures => "Too many unknown keys from your address; try again later",
            Self::TooManySearches => "Too many searches are running; try again shortly",
            Self::TooManyStreams => "Too many open streams; close one or try again later",
            Self::TooManyViewers => "Too many viewers of this job; try again later",
            Self::Unauthenticated => "Not authenticated",
            Self::UnsupportedMediaType => "The type of the body is not understood",
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
    /// What a writer needs to go on.
    #[serde(flatten)]
    pub write: WriteProblem,
}

/// What the answer to a refused write says beside its sentence. Which fields there are depends on the code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WriteProblem {
    /// With `line-gap`: the number of the line that the log wants next from this producer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<u64>,
    /// With `stale-epoch`: the newest epoch of the producer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u64>,
    /// With `line-malformed`: which line of the body, from 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// With `status-conflict`: the status of the job.
    #[serde(
        with = "crate::text::or_null",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub from: Option<JobStatus>,
    /// With `status-conflict`: the status that was asked for.
    #[serde(
        with = "crate::text::or_null",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub to: Option<JobStatus>,
    /// With `status-conflict`: what the job may become instead. Empty if it has ended.
    #[serde(
        with = "crate::text::list",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub allowed: Option<Vec<JobStatus>>,
    /// With `lines-missing`: how many lines of each producer are in the log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub producers: Option<BTreeMap<String, u64>>,
    /// With `scope-missing`: what the key or token lacks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<String>,
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
            write: WriteProblem::default(),
        }
    }

    /// Replaces the sentence by a more precise one.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds what a writer needs to go on.
    #[must_use]
    pub fn with_write(mut self, write: WriteProblem) -> Self {
        self.write = write;
        self
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
