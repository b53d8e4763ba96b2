//! `GET /api/jobs/{job_id}/logs/search`: the lines of a log that match.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use log_wire::ErrorCode;

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::state::AppState;
use crate::whole_log::search::{Search, SearchRequest};

pub(super) async fn search(
    asked: AuthorizedJob<SearchRequest>,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let one_of_few = Arc::clone(&state.searches)
        .try_acquire_owned()
        .map_err(|_| ApiError::Code(ErrorCode::TooManySearches))?;
    let permit = (state.access).permit_stream(asked.who, &asked.job_id, &asked.job)?;
    let store = Arc::clone(&state.store);
    let search = Search::open(store, asked.job_id, asked.query, permit, one_of_few).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(search.body()))
}
