//! The outermost middleware of our routes. It gives every answer a request id, privacy headers, and one shape of errors:
//! a handler returns an [`ApiError`], and here that becomes the problem body and is logged once.

use actix_http::ConnectionType;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError, web};
use log_wire::ErrorCode;

use super::problem::{problem, seal};
use super::request_id::RequestId;
use super::unread_body::UnreadBody;
use crate::error::ApiError;
use crate::state::AppState;

/// The middleware, for `actix_web::middleware::from_fn`.
///
/// # Errors
/// A failure that no inner layer has turned into an answer, for example a panic. Actix turns it into one of our answers.
pub async fn envelope<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let id = RequestId::from_headers(request.headers());
    let route = request.match_pattern().unwrap_or_else(|| "(none)".into());
    let method = request.method().clone();
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let body = UnreadBody::new(&mut request);
    let response = next.call(request).await.map_err(|error| Failed {
        answer: code_of(&error),
        id: id.clone(),
    })?;
    let mut response = match response.response().error().map(|error| answer(error, &id)) {
        Some(answer) => response.into_response(answer).map_into_right_body(),
        None => response.map_into_left_body(),
    };
    if state.is_some_and(|state| state.health.is_draining()) {
        close_after(&mut response);
    }
    let mut response = body.keep_until_sent(response);
    seal(response.headers_mut(), &id);
    let status = response.status().as_u16();
    // Probes come every few seconds, and would fill the log.
    if route.contains("{job_id}") {
        tracing::info!(request_id = %id, %method, route, status, "answered");
    } else {
        tracing::debug!(request_id = %id, %method, route, status, "answered");
    }
    Ok(response)
}

/// Asks the client, and the pool of a proxy, for another connection next time: this process stops. A stream breaks its
/// connection by itself, and its head must not say so.
fn close_after<B: MessageBody>(response: &mut ServiceResponse<B>) {
    if response.response().body().size() != BodySize::Stream {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
    }
}

/// A failure that reaches actix. Actix asks it for its answer, which is one of ours.
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

fn answer(error: &Error, id: &RequestId) -> HttpResponse {
    match error.as_error::<ApiError>() {
        Some(ours) => problem(ours, id),
        None => problem(&ApiError::Code(code_of(error)), id),
    }
}

/// The code for an error that is not an [`ApiError`]. Except for a missing route, each one is a bug.
fn code_of(error: &Error) -> ErrorCode {
    if error.as_response_error().status_code() == StatusCode::NOT_FOUND {
        return ErrorCode::RouteNotFound;
    }
    tracing::error!(%error, "an error without a code of its own");
    ErrorCode::Internal
}
