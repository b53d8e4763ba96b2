//! `GET /api/jobs/{job_id}/logs/status`: where the job is in its life.

use actix_web::{HttpResponse, web};
use log_wire::{ErrorCode, StatusBody};

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::http::query::NoQuery;
use crate::state::AppState;

pub(super) async fn status(
    asked: AuthorizedJob<NoQuery>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let details = state.jobs.details(&asked.job_id).await?;
    // Deleted since the gate has read it.
    let details = details.ok_or(ApiError::Code(ErrorCode::JobNotFound))?;
    let status = details.job.status;
    Ok(HttpResponse::Ok().json(StatusBody {
        job_id: asked.job_id,
        terminal: status.is_terminal(),
        status,
        status_message: details.status_message,
        created_at: details.created_at,
        updated_at: details.updated_at,
    }))
}
