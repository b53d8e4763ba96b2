//! An error as the answer that a client gets, and the headers that every answer has.

use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, ResponseError as _};

use super::request_id::RequestId;
use crate::error::ApiError;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs are private: no cache may keep an answer, or give it to another caller.
const PRIVATE_VARY: &str = "Origin, Authorization, Cookie";

/// The answer for an error, which is logged.
pub(super) fn problem(error: &ApiError, id: &RequestId) -> HttpResponse {
    log_once(error, id);
    let mut response = HttpResponse::build(error.status_code());
    response.insert_header((CONTENT_TYPE, "application/problem+json"));
    if let Some(seconds) = error.retry_after() {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if let ApiError::MethodNotAllowed { allow } = error {
        response.insert_header((ALLOW, *allow));
    }
    if let ApiError::Rejected(rejection) = error
        && let Some(challenge) = rejection.challenge()
    {
        response.insert_header((WWW_AUTHENTICATE, challenge));
    }
    if let ApiError::Unauthenticated { .. } = error {
        response.insert_header((WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#));
    }
    response.body(error.body(id.as_str()).json())
}

/// A mistake of the client is logged for debugging only; a failure on our side is for the operator.
fn log_once(error: &ApiError, id: &RequestId) {
    match error.code().status() {
        500 => tracing::error!(request_id = %id, %error, "a request failed"),
        503 => tracing::warn!(request_id = %id, %error, "a request could not be served"),
        _ => tracing::debug!(request_id = %id, %error, "a request was refused"),
    }
}

/// The answer to a request that did not pass the middleware.
#[must_use]
pub(crate) fn sealed(error: &ApiError, headers: &HeaderMap) -> HttpResponse {
    let id = RequestId::from_headers(headers);
    let mut response = problem(error, &id);
    seal(response.headers_mut(), &id);
    response
}

/// Sets the headers that every answer has.
pub(super) fn seal(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(X_REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    merge_vary(headers);
}

/// Adds to the `Vary` that CORS has set, if it has set one.
fn merge_vary(headers: &mut HeaderMap) {
    let mut names: Vec<String> = PRIVATE_VARY.split(", ").map(str::to_owned).collect();
    for value in headers
        .get_all(VARY)
        .filter_map(|value| value.to_str().ok())
    {
        for name in value
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.to_owned());
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(&names.join(", ")) {
        headers.insert(VARY, value);
    }
}
