//! `GET /api/jobs/{job_id}/logs/stream`: the live stream.

use actix_http::ConnectionType;
use actix_web::http::Version;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding, HeaderName, UPGRADE, VARY};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::access::AuthorizedJob;
use crate::error::ApiError;
use crate::http::query::StreamQuery;
#[cfg(feature = "server")]
use crate::net::Takeover;
use crate::state::AppState;
#[cfg(feature = "server")]
use crate::stream::{Framing, TakenOver};
use crate::stream::{SseBody, StreamSession};

pub(super) async fn stream(
    asked: AuthorizedJob<StreamQuery>,
    state: web::Data<AppState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (query, job) = (asked.query, (&asked.job_id, &asked.job));
    let session = StreamSession::open(&state.access, &state.hub, asked.who, job, query).await?;
    let Some(session) = session else {
        // An `EventSource` reconnects after every end. Only this status stops it.
        return Ok(HttpResponse::NoContent().finish());
    };
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(query.format.content_type())
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
        .insert_header((VARY, "Accept"));
    Ok(answer_with(answer, &request, session))
}

/// The answer with its body. It does not say `Connection: close` to a client that has not asked for that: node's `fetch`
/// then takes a body that is broken off for a whole one.
fn answer_with(
    mut answer: actix_web::HttpResponseBuilder,
    request: &HttpRequest,
    session: StreamSession,
) -> HttpResponse {
    let head = request.head();
    // A request for another protocol is answered in this one, and is the last on its connection.
    let wants_other = head.upgrade() || request.headers().contains_key(UPGRADE);
    let keep_alive = head.version == Version::HTTP_11
        && !wants_other
        && head.connection_type() == ConnectionType::KeepAlive;
    if !keep_alive {
        answer.force_close();
    }
    #[cfg(feature = "server")]
    if let Some(takeover) = Takeover::from_request(request) {
        let framing = Framing::for_version(head.version);
        let body = TakenOver::new(takeover, framing, keep_alive, session);
        return framed(answer.body(body), framing == Framing::UntilClose);
    }
    // Keeps the `Compress` middleware of an application away that has our routes: it would hold lines back. Proxies obey the
    // `no-transform`.
    answer.insert_header(ContentEncoding::Identity);
    // For an upgrade, the body of actix is not chunked, whatever the head says.
    let until_close = wants_other || head.version < Version::HTTP_11;
    framed(answer.body(SseBody::from_session(session)), until_close)
}

fn framed(mut answer: HttpResponse, until_close: bool) -> HttpResponse {
    answer.head_mut().no_chunking(until_close);
    answer
}
