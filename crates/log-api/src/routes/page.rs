//! A page of history.

use actix_web::{HttpResponse, web};
use log_domain::PageRequest;

use crate::error::ApiError;
use crate::gate::Readable;
use crate::parts::Parts;

/// `GET /api/jobs/{job_id}/logs`
pub(super) async fn page(
    asked: Readable<PageRequest>,
    parts: web::Data<Parts>,
) -> Result<HttpResponse, ApiError> {
    let pages = &parts.pages;
    let json = pages.json(&parts.store, &asked.job_id, asked.query).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(json))
}
