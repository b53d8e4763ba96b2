//! The routes: `/builds/{id}/log` is the log as Server-Sent Events, `/builds/{id}/errors` is what went to standard error, as
//! text.

use std::sync::Arc;

use auth::{Rejection, Session, Verifier};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt as _;
use log_domain::{EntryId, JobId, OrgRule, Reader, Source, Start, UserId, may_read};
use log_hub::{BrokenOff, Event, Hub, Opened, Opening};
use log_store::{Jobs as _, StoreError};
use serde::Deserialize;

use crate::builds::Builds;

/// What the routes need.
#[derive(Clone)]
pub struct Service {
    /// Says who is asking.
    pub verifier: Arc<Verifier>,
    /// The builds.
    pub builds: Builds,
    /// Serves live logs.
    pub hub: Hub,
}

/// The routes of the service.
pub fn router(service: Service) -> Router {
    Router::new()
        .route("/builds/{id}/log", get(log))
        .route("/builds/{id}/errors", get(errors))
        .with_state(service)
}

#[derive(Deserialize)]
struct StreamQuery {
    after_id: Option<String>,
    from: Option<String>,
}

/// The log as Server-Sent Events. The body is what the hub has encoded once for all viewers.
async fn log(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let last_event_id = headers.get("Last-Event-ID").map(|id| id.to_str());
    let last_event_id = last_event_id.transpose().map_err(|_| Refusal::Invalid)?;
    let opening = Opening::from_request(
        entry_id(last_event_id)?,
        entry_id(query.after_id.as_deref())?,
        query.from.as_deref() == Some("start"),
    );
    let job = service.readable(&caller, &id).await?;
    match service.hub.open(&job, opening).await? {
        Opened::Viewer(viewer) => {
            let body = Body::from_stream(viewer.into_frames());
            let head = [
                (CONTENT_TYPE, "text/event-stream"),
                (CACHE_CONTROL, "no-cache, no-transform"),
            ];
            Ok((head, body).into_response())
        }
        // An `EventSource` reconnects after the end of the log. Only this stops it.
        Opened::Complete => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// Something else with the same viewer: its events.
async fn errors(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let job = service.readable(&caller, &id).await?;
    let opened = service.hub.open(&job, Start::After(EntryId::ZERO)).await?;
    let Opened::Viewer(viewer) = opened else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let texts = viewer.into_events().filter_map(async |event| match event {
        Ok(Event::Line(line)) if line.source == Some(Source::Stderr) => {
            Some(Ok(format!("{}\n", line.text.unwrap_or_default())))
        }
        Ok(Event::Gap { .. }) => Some(Ok("[lines may be missing]\n".to_owned())),
        // Heartbeats, the end, and lines of other sources.
        Ok(_) => None,
        // The body breaks off, so that nobody takes it for the whole.
        Err(broken) => Some(Err::<String, BrokenOff>(broken)),
    });
    let head = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((head, Body::from_stream(texts)).into_response())
}

impl Service {
    /// The build, if the caller may read it. One that is somebody else's looks like one that does not exist.
    async fn readable(&self, caller: &Caller, id: &str) -> Result<JobId, Refusal> {
        let id: JobId = id.parse().map_err(|_| Refusal::Invalid)?;
        let job = self.builds.get(&id).await?.ok_or(Refusal::NotFound)?;
        let user = UserId::new(caller.0.user_id()).ok_or(Refusal::NotFound)?;
        let reader = Reader { user, active: None };
        if may_read(&reader, &job, &OrgRule::Off) {
            Ok(id)
        } else {
            Err(Refusal::NotFound)
        }
    }
}

fn entry_id(text: Option<&str>) -> Result<Option<EntryId>, Refusal> {
    let text = text.filter(|text| !text.is_empty());
    let id = text.map(|text| text.parse().map_err(|_| Refusal::Invalid));
    id.transpose()
}

/// Who is asking. First of all parameters of a handler, so that a request without a token learns nothing else.
struct Caller(Session);

impl FromRequestParts<Service> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Refusal> {
        let session = service.verifier.authenticate(parts).await;
        session.map(Self).map_err(Refusal::Caller)
    }
}

enum Refusal {
    Caller(Rejection),
    Invalid,
    NotFound,
    Away,
}

impl From<StoreError> for Refusal {
    fn from(_: StoreError) -> Self {
        Self::Away
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Caller(rejection) => auth::http::response(rejection).into_response(),
            Self::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "not an id").into_response(),
            Self::NotFound => (StatusCode::NOT_FOUND, "no such build").into_response(),
            Self::Away => {
                let head = [(RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, head, "try again").into_response()
            }
        }
    }
}
