//! `GET /api/jobs/{job_id}/logs/stream`: the live stream.

use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::http::query::StreamQuery;
use crate::net::Takeover;
use crate::state::AppState;
use crate::stream::{SseBody, StreamSession, TakenOver};

pub(super) async fn stream(
    asked: AuthorizedJob<StreamQuery>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let StreamQuery(start) = asked.query;
    let job = (&asked.job_id, &asked.job);
    let session = StreamSession::open(&state.access, &state.hub, asked.who, job, start).await?;
    let Some(session) = session else {
        // An `EventSource` reconnects after every end. Only this status stops it.
        return Ok(HttpResponse::NoContent().finish());
    };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .insert_header(ContentEncoding::Identity);
    Ok(match Takeover::from_request(&request) {
        // The connection is the stream's from now on, so no further request is served on it.
        Some(takeover) => answer.force_close().body(TakenOver::new(takeover, session)),
        None => answer.body(SseBody::from_session(session)),
    })
}
