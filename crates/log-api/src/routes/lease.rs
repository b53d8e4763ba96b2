//! The renewal of an open stream's lease.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::access::Renewed;
use crate::error::ApiError;
use crate::gate::AuthorizedJob;
use crate::query::LeaseQuery;
use crate::state::AppState;

/// `POST /api/jobs/{job_id}/logs/stream/lease?stream_id=`
pub(super) async fn renew(
    asked: AuthorizedJob<LeaseQuery>,
    parts: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let LeaseQuery(id) = &asked.query;
    let renewed = parts
        .access
        .renew(id, &asked.who, &asked.job_id, &asked.job)
        .await?;
    Ok(match renewed {
        Renewed::Here(left) => HttpResponse::Ok().json(json!({ "expires_in": left.as_secs() })),
        Renewed::Elsewhere => HttpResponse::Accepted().json(json!({ "expires_in": null })),
    })
}
