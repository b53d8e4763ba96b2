//! What both gates read from a request.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use log_domain::JobId;

use crate::error::ApiError;

/// The bearer token of a request, if there is one.
pub(super) fn bearer(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let values = request.headers().get_all(AUTHORIZATION);
    match auth::bearer(values.map(|value| value.as_bytes())) {
        Ok(token) => Ok(Some(token)),
        Err(auth::Rejection::SessionTokenMissing) => Ok(None),
        Err(rejection) => Err(rejection.into()),
    }
}

/// Where a request comes from: the other end of the connection. What a proxy says of itself can be invented.
pub(super) fn address(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|addr| addr.ip())
}

/// The job of the path.
pub(super) fn job_id(request: &HttpRequest) -> Result<JobId, ApiError> {
    let text = request.match_info().query("job_id");
    let invalid = |rule: log_domain::JobIdError| ApiError::Invalid {
        field: "job_id",
        rule: rule.to_string(),
    };
    text.parse().map_err(invalid)
}
