//! A page of history.

use actix_web::{HttpResponse, web};
use log_domain::PageRequest;

use crate::error::ApiError;
use crate::gate::AuthorizedJob;
use crate::state::AppState;

/// `GET /api/jobs/{job_id}/logs`
pub(super) async fn page(
    asked: AuthorizedJob<PageRequest>,
    parts: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let pages = &parts.pages;
    let json = pages.json(&parts.store, &asked.job_id, asked.query).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(json))
}
