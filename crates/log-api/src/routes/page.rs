//! A page of history.

use actix_web::{HttpResponse, web};
use log_domain::{Page, PageRequest};
use log_wire::page_json;

use crate::error::ApiError;
use crate::gate::Readable;
use crate::parts::Parts;

/// `GET /api/jobs/{job_id}/logs`
pub(super) async fn page(
    asked: Readable<PageRequest>,
    parts: web::Data<Parts>,
) -> Result<HttpResponse, ApiError> {
    let (span, order, limit) = asked.query.read();
    let batch = parts.store.read(&asked.job_id, span, order, limit).await?;
    let page = Page::new(&asked.query, batch);
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(page_json(&page)))
}
