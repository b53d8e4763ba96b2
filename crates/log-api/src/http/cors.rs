//! Which pages of other origins may call the service from a browser (the Fetch standard, "CORS protocol").
//!
//! Why not `actix-cors`: it refuses a preflight that asks for a header which is not allowed, and a browser then shows its
//! page no more than that the network failed. Here every preflight of an allowed origin gets the list of what is allowed.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::problem::seal;
use super::request_id::RequestId;
use crate::state::AppState;

/// What our own clients send, and what tracing libraries and proxies' front ends add to every request of a page.
const ALLOWED_HEADERS: &str = "Authorization, Last-Event-ID, X-Request-ID, Content-Type, \
     Cache-Control, X-Requested-With, traceparent, tracestate, baggage, sentry-trace";

const EXPOSED_HEADERS: &str = "X-Request-ID, Retry-After";

/// For how long a browser need not ask again, in seconds.
const MAX_AGE: &str = "600";

/// The middleware, for `actix_web::middleware::from_fn`. It comes before authentication, and around everything that makes
/// an error an answer: without the grants a browser does not show an error to its page.
///
/// # Errors
/// What an inner layer has not turned into an answer.
pub(super) async fn cors<B: MessageBody + 'static>(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let origin = allowed_origin(request.headers(), &state.cors_origins);
    let method = granted_method(request.path());
    if is_preflight(&request) {
        let mut answer = HttpResponse::NoContent().finish();
        let id = RequestId::from_headers(request.headers());
        let headers = answer.headers_mut();
        if let Some(origin) = origin {
            grant(headers, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
            let allowed = HeaderValue::from_static(ALLOWED_HEADERS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
        }
        let asked = "Access-Control-Request-Method, Access-Control-Request-Headers";
        headers.insert(VARY, HeaderValue::from_static(asked));
        seal(headers, &id);
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let origin = origin.filter(|_| is_read || method == request.method().as_str());
    let mut response = next.call(request).await?;
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        grant(headers, origin);
        let exposed = HeaderValue::from_static(EXPOSED_HEADERS);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    Ok(response.map_into_left_body())
}

fn grant(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let credentials = HeaderValue::from_static("true");
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
}

/// The request's one origin, if it is allowed.
fn allowed_origin(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let mut sent = headers.get_all(ORIGIN);
    let origin = sent.next().filter(|_| sent.next().is_none())?;
    let is_allowed = origins.iter().any(|allowed| origin == allowed.as_str());
    is_allowed.then(|| origin.clone())
}

fn is_preflight(request: &ServiceRequest) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The method that pages of other origins may use on a route. They read, and ask for tickets; they do not write.
fn granted_method(path: &str) -> HeaderValue {
    HeaderValue::from_static(if path.ends_with("/ticket") {
        "POST"
    } else {
        "GET"
    })
}
