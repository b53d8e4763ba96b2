//! `POST /api/jobs/{job_id}/logs`: appends lines.

use actix_web::{HttpRequest, HttpResponse, web};
use std::time::SystemTime;

use log_domain::JobId;
use log_store::{JobDetails, NumberedAppended};
use log_wire::ErrorCode;

use crate::access::Scope;
use crate::error::ApiError;
use crate::ingest::{
    AppendHead, Encoding, append_streamed, appended_body, discard, parse, read_all,
};
use crate::state::AppState;

/// Larger bodies are read on a thread for blocking work, so that no stream of this worker waits for it.
const SMALL_BODY: usize = 64 * 1024;

pub(super) async fn append(
    request: HttpRequest,
    mut payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let checked = check(&request, &state).await;
    let (job_id, head, job) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            discard(&mut payload).await;
            return Err(error);
        }
    };
    let numbered = head.numbering.is_some();
    let done = if head.streamed {
        append_streamed(state.writes()?, &state.health, &job_id, &head, payload).await?
    } else {
        append_batch(&request, payload, &state, &job_id, head).await?
    };
    let watched = state.hub.is_watched(&job_id);
    Ok(HttpResponse::Ok().json(appended_body(&done, numbered, &job, watched)))
}

/// Everything that can be checked before the body is read.
async fn check(
    request: &HttpRequest,
    state: &AppState,
) -> Result<(JobId, AppendHead, JobDetails), ApiError> {
    let writes = state.writes()?;
    let (_, job_id) = writes.gate.enter(request, Scope::LogsAppend)?;
    let head = AppendHead::from_request(request)?;
    let job = writes.job_to_append(&job_id).await?;
    Ok((job_id, head, job))
}

async fn append_batch(
    request: &HttpRequest,
    mut payload: web::Payload,
    state: &AppState,
    job: &JobId,
    head: AppendHead,
) -> Result<NumberedAppended, ApiError> {
    let writes = state.writes()?;
    // Given back when the lines are in the store.
    let mut memory = writes.memory();
    let body = match read_all(request, &mut payload, &mut memory).await {
        Ok(body) => body,
        Err(error) => {
            discard(&mut payload).await;
            return Err(error);
        }
    };
    let numbering = head.numbering.clone();
    let (lines, _memory) = if body.len() <= SMALL_BODY && head.encoding == Encoding::Identity {
        (
            parse(&head, body, &SystemTime::now().into(), &mut memory)?,
            memory,
        )
    } else {
        let reading = web::block(move || {
            let lines = parse(&head, body, &SystemTime::now().into(), &mut memory);
            lines.map(|lines| (lines, memory))
        });
        let read = reading.await;
        read.map_err(|_| ApiError::Code(ErrorCode::Internal))??
    };
    let allowed = writes.take_allowance(job, &lines);
    allowed.map_err(|retry_after| ApiError::Wait {
        code: ErrorCode::AppendRate,
        retry_after,
    })?;
    writes.append(job, numbering.as_ref(), &lines).await
}
