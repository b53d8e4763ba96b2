//! `GET /api/jobs/{job_id}/logs/producers/{name}`: where a worker that lost its place goes on.

use actix_web::{HttpRequest, HttpResponse, web};
use log_domain::ProducerName;
use log_wire::{ErrorCode, ProducerBody};

use crate::access::Scope;
use crate::error::ApiError;
use crate::state::AppState;

pub(super) async fn producer(
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let writes = state.writes()?;
    let (_, job_id) = writes.gate.enter(&request, Scope::LogsAppend)?;
    let name = request.match_info().query("name");
    let name: ProducerName = name.parse().map_err(|error| ApiError::Invalid {
        field: "name",
        rule: format!("{error}"),
    })?;
    if state.jobs.get(&job_id).await?.is_none() {
        return Err(ApiError::Code(ErrorCode::JobNotFound));
    }
    let known = writes.stores.lines.producer(&job_id, &name).await?;
    // A producer that never wrote begins at line 0.
    Ok(HttpResponse::Ok().json(ProducerBody {
        epoch: known.map_or(0, |known| known.epoch),
        next: known.map_or(0, |known| known.next),
        last_id: known.map(|known| known.last_id),
    }))
}
