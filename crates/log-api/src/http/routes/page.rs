//! `GET /api/jobs/{job_id}/logs`: a page of history.

use actix_web::{HttpResponse, web};
use log_domain::{Page, PageRequest};
use log_wire::page_json;

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::state::AppState;

pub(super) async fn page(
    asked: AuthorizedJob<PageRequest>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let (span, order, limit) = asked.query.read();
    let batch = state.store.read(&asked.job_id, span, order, limit).await?;
    let page = Page::new(&asked.query, batch);
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(page_json(&page)))
}
