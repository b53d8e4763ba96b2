//! The live stream.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use log_hub::{Next, Viewer};
use tokio::time::timeout;

use crate::connections::Takeover;
use crate::delivery::Delivery;
use crate::error::ApiError;
use crate::gate::AuthorizedJob;
use crate::query::StreamQuery;
use crate::sender::TakenOver;
use crate::sse_body::SseBody;
use crate::state::AppState;

/// How long the head waits for the answer to "is there anything after your cursor at all?". It takes the quiet period;
/// more only while the store is away.
const DECISION: Duration = Duration::from_secs(3);

/// `GET /api/jobs/{job_id}/logs/stream`
pub(super) async fn stream(
    asked: AuthorizedJob<StreamQuery>,
    parts: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let StreamQuery(start) = asked.query;
    let place = parts.limits.take(&asked.who.reader().user, &asked.job_id)?;
    let seat = parts.access.seat(asked.who, &asked.job_id, &asked.job)?;
    let mut viewer = parts.hub.open(&asked.job_id, start).await?;
    let comes_back_after_the_end = start.cursor().is_some() && asked.job.status.is_terminal();
    let first = if comes_back_after_the_end {
        first(&mut viewer).await
    } else {
        None
    };
    if matches!(first, Some(Next::Done(_))) && !viewer.has_delivered() {
        // An `EventSource` reconnects after every end; this status alone keeps it away.
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .insert_header(ContentEncoding::Identity);
    let delivery = Delivery::new(viewer, first).holding(place).in_seat(seat);
    Ok(match Takeover::of(&request) {
        // No further request is heard on a connection that is a stream's.
        Some(takeover) => answer
            .force_close()
            .body(TakenOver::new(takeover, delivery)),
        None => answer.body(SseBody::of(delivery)),
    })
}

async fn first(viewer: &mut Viewer) -> Option<Next> {
    timeout(DECISION, viewer.next()).await.ok()
}
