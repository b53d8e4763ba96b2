//! For frameworks on the `http` crate (axum, tower, hyper): its requests have credentials, and a refusal is a response.
//!
//! ```
//! # use auth::Verifier;
//! async fn handler<B>(verifier: Verifier, request: http::Request<B>) -> http::Response<String> {
//!     match verifier.authenticate(&request).await {
//!         Ok(session) => http::Response::new(session.user_id().to_owned()),
//!         Err(rejection) => auth::http::response(rejection),
//!     }
//! }
//! ```
//!
//! An extractor of axum is in `examples/outside/axum-service`.

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{HeaderMap, Request, Response, StatusCode, request};

use crate::{Rejection, RejectionKind, RequestHead};

impl<B> RequestHead for Request<B> {
    fn method(&self) -> &str {
        Self::method(self).as_str()
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        values(self.headers(), name)
    }
}

impl RequestHead for request::Parts {
    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        values(&self.headers, name)
    }
}

fn values<'a>(headers: &'a HeaderMap, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// The answer to a request that was refused: the status, the challenge and the `Retry-After` of the [`Rejection`], and
/// [`Rejection::problem`] as the body.
#[must_use]
pub fn response(rejection: Rejection) -> Response<String> {
    let mut response = Response::new(rejection.problem());
    *response.status_mut() = StatusCode::from_u16(rejection.kind().status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if let Some(challenge) = rejection.challenge() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let RejectionKind::Unavailable { retry_after } = rejection.kind() {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
    }
    response
}
