//! `GET /api/jobs/{job_id}/logs`: a page of history.

use actix_web::{HttpResponse, web};
use log_domain::PageRequest;

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::state::AppState;

pub(super) async fn page(
    asked: AuthorizedJob<PageRequest>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let pages = &state.pages;
    let json = pages.json(&state.store, &asked.job_id, asked.query).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(json))
}
