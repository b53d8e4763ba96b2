//! `POST /api/jobs/{job_id}/logs/ticket`: a ticket for clients that can set neither a header nor a cookie.

use actix_web::{HttpResponse, web};
use log_wire::ErrorCode;
use serde_json::json;

use crate::access::{AuthorizedJob, TICKET_LIFE};
use crate::error::ApiError;
use crate::http::query::NoQuery;
use crate::state::AppState;

pub(super) async fn ticket(
    asked: AuthorizedJob<NoQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    if asked.who.is_key() {
        // A ticket stands for a person's session. A tool that has a key can set a header.
        return Err(ApiError::Code(ErrorCode::ScopeMissing));
    }
    let ticket = state.access.issue_ticket(&asked.who, &asked.job_id).await?;
    Ok(HttpResponse::Ok().json(json!({
        "ticket": ticket,
        "expires_in": TICKET_LIFE.as_secs(),
    })))
}
