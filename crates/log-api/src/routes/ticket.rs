//! Tickets for clients that can set neither a header nor a cookie.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::access::TICKET_LIFE;
use crate::error::ApiError;
use crate::gate::AuthorizedJob;
use crate::query::NoQuery;
use crate::state::AppState;

/// `POST /api/jobs/{job_id}/logs/ticket`
pub(super) async fn ticket(
    asked: AuthorizedJob<NoQuery>,
    parts: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let ticket = parts.access.issue_ticket(&asked.who, &asked.job_id).await?;
    Ok(HttpResponse::Ok().json(json!({
        "ticket": ticket,
        "expires_in": TICKET_LIFE.as_secs(),
    })))
}
