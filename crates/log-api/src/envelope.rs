//! What every answer has, whatever made it: a request id, privacy headers, and one shape for errors.
//!
//! The outermost middleware of our routes. Handlers fail with an [`ApiError`]; here it becomes the problem body, with
//! the id of the request as `debug_id`, and is logged once.

use actix_cors::CorsError;
use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError};
use log_wire::ErrorCode;

use crate::error::ApiError;
use crate::request_id::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs are private: no cache keeps an answer, and none hands one to another caller.
const PRIVATE_VARY: &str = "Origin, Authorization, Cookie";

/// What CORS adds to an answer that is no preflight's. Without the first, the others say nothing.
const GRANTS: [HeaderName; 3] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
];

/// Wraps an answer: see the module. For `actix_web::middleware::from_fn`.
///
/// # Errors
/// What was not made an answer further in, a panic for one; it becomes one of our answers all the same.
pub async fn envelope<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let id = RequestId::of(request.headers());
    let route = request.match_pattern().unwrap_or_else(|| "(none)".into());
    let method = request.method().clone();
    let mut response = next.call(request).await.map_err(|error| Failed {
        answer: code_of(&error),
        id: id.clone(),
    })?;
    let grants = take_grants(response.headers_mut());
    let mut response = match response.response().error().map(|error| answer(error, &id)) {
        Some(answer) => response.into_response(answer).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    for (name, value) in grants {
        response.headers_mut().insert(name, value);
    }
    seal(response.headers_mut(), &id);
    let status = response.status().as_u16();
    // Probes come every few seconds and say nothing new.
    if route.contains("{job_id}") {
        tracing::info!(request_id = %id, %method, route, status, "answered");
    } else {
        tracing::debug!(request_id = %id, %method, route, status, "answered");
    }
    Ok(response)
}

/// The answer to a request that no middleware of ours has seen.
#[must_use]
pub(crate) fn sealed(error: &ApiError, headers: &HeaderMap) -> HttpResponse {
    let id = RequestId::of(headers);
    let mut response = problem(error, &id);
    seal(response.headers_mut(), &id);
    response
}

/// A failure that reaches actix as one: actix asks it for its answer, and that is ours.
#[derive(Debug, thiserror::Error)]
#[error("the request {id} failed")]
struct Failed {
    answer: ErrorCode,
    id: RequestId,
}

impl ResponseError for Failed {
    fn status_code(&self) -> StatusCode {
        ApiError::Code(self.answer).status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = problem(&ApiError::Code(self.answer), &self.id);
        seal(response.headers_mut(), &self.id);
        response
    }
}

fn problem(error: &ApiError, id: &RequestId) -> HttpResponse {
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

/// What a client did wrong is for debugging; what we or our servers did is for whoever keeps the service.
fn log_once(error: &ApiError, id: &RequestId) {
    match error.code().status() {
        500 => tracing::error!(request_id = %id, %error, "a request failed"),
        503 => tracing::warn!(request_id = %id, %error, "a request could not be served"),
        _ => tracing::debug!(request_id = %id, %error, "a request was refused"),
    }
}

fn answer(error: &Error, id: &RequestId) -> HttpResponse {
    match error.as_error::<ApiError>() {
        Some(ours) => problem(ours, id),
        // A preflight that grants nothing is a method that these routes do not have.
        None if error.as_error::<CorsError>().is_some() => {
            problem(&ApiError::MethodNotAllowed { allow: "GET" }, id)
        }
        None => problem(&ApiError::Code(code_of(error)), id),
    }
}

/// Takes what CORS has granted, which is to outlive the answer it was put on: a browser shows no error to its page
/// without. For an origin that is not allowed, actix-cors adds all but the origin; that is nothing.
fn take_grants(headers: &mut HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let granted = headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN);
    let taken = GRANTS.into_iter().filter_map(|name| {
        let value = headers.remove(&name).next()?;
        granted.then_some((name, value))
    });
    taken.collect()
}

/// The code for an error that is not ours. All but a missing route are bugs.
fn code_of(error: &Error) -> ErrorCode {
    if error.as_response_error().status_code() == StatusCode::NOT_FOUND {
        return ErrorCode::RouteNotFound;
    }
    tracing::error!(%error, "an error without a code of its own");
    ErrorCode::Internal
}

/// The headers that every answer has.
fn seal(headers: &mut HeaderMap, id: &RequestId) {
    headers.insert(X_REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    merge_vary(headers);
}

/// CORS names what it varies on; private answers vary on more.
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
