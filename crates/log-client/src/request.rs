//! The requests that a client makes, one attempt each.

use std::time::Duration;

use log_domain::{EntryId, JobId, Line};
use log_wire::sse::Event as WireEvent;
use log_wire::{PageBody, StatusBody};
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::connection::Connection;
use crate::endpoint::{Endpoint, expect_media_type};
use crate::error::RequestError;
use crate::event::Ending;

/// The most lines that the API puts into one page.
const PAGE_LIMIT: usize = 500;

/// The answer to a request for a live stream.
#[derive(Debug)]
pub(crate) enum StreamResponse {
    Open(Box<Connection>),
    /// 204: the job has ended, and there is nothing after the position.
    NothingMore,
}

/// Opens the live stream after a position. Without a position the stream has new lines only.
pub(crate) async fn open_stream(
    endpoint: &Endpoint,
    job: &JobId,
    after: Option<EntryId>,
) -> Result<StreamResponse, RequestError> {
    let url = endpoint.logs_url(job, &["stream"]);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    let cursor = after.and_then(|after| HeaderValue::try_from(after.to_string()).ok());
    headers.extend(cursor.map(|cursor| (HeaderName::from_static("last-event-id"), cursor)));
    let response = endpoint.get(url, headers).await?;
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(StreamResponse::NothingMore);
    }
    expect_media_type(&response, "text/event-stream")?;
    Ok(StreamResponse::Open(Box::new(Connection::new(response))))
}

/// A page of history.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) has_more: bool,
}

/// Reads the page of history after a position.
pub(crate) async fn read_page(
    endpoint: &Endpoint,
    job: &JobId,
    after: EntryId,
) -> Result<Page, RequestError> {
    let query = [
        ("after_id", after.to_string()),
        ("limit", PAGE_LIMIT.to_string()),
    ];
    let body = read_page_body(endpoint, job, &query).await?;
    Ok(Page {
        lines: body.lines,
        has_more: body.has_more,
    })
}

/// Reads the id of the newest line below a bound.
pub(crate) async fn read_newest_id(
    endpoint: &Endpoint,
    job: &JobId,
    before: Option<EntryId>,
) -> Result<Option<EntryId>, RequestError> {
    let (ids, _) = read_newest_ids(endpoint, job, before, 1).await?;
    Ok(ids.last().copied())
}

/// Reads the id of the line before the last lines.
pub(crate) async fn read_before_last(
    endpoint: &Endpoint,
    job: &JobId,
    lines: usize,
) -> Result<Option<EntryId>, RequestError> {
    let mut before = None;
    let mut wanted = lines.saturating_add(1);
    loop {
        let limit = wanted.min(PAGE_LIMIT);
        let (ids, has_more) = read_newest_ids(endpoint, job, before, limit).await?;
        wanted -= ids.len().min(wanted);
        match ids.first() {
            Some(oldest) if wanted == 0 => return Ok(Some(*oldest)),
            Some(oldest) if has_more => before = Some(*oldest),
            _ => return Ok(None),
        }
    }
}

/// Reads the ids of the newest lines below a bound, oldest first, and whether there are older ones.
async fn read_newest_ids(
    endpoint: &Endpoint,
    job: &JobId,
    before: Option<EntryId>,
    limit: usize,
) -> Result<(Vec<EntryId>, bool), RequestError> {
    let mut query = vec![("limit", limit.to_string())];
    query.extend(before.map(|before| ("before_id", before.to_string())));
    let body = read_page_body(endpoint, job, &query).await?;
    let ids = body.lines.iter().map(|line| line.id).collect();
    Ok((ids, body.has_more))
}

/// Reads whether and how a job has ended. A live-only stream of a job that has ended says `done` at once.
pub(crate) async fn read_ending(
    endpoint: &Endpoint,
    job: &JobId,
    patience: Duration,
) -> Result<Option<Ending>, RequestError> {
    let deadline = Instant::now() + patience;
    let StreamResponse::Open(mut stream) = open_stream(endpoint, job, None).await? else {
        let reason = "it answers 204 to a request without a position";
        return Err(RequestError::not_the_api(reason.to_owned()));
    };
    loop {
        let Ok(next) = timeout_at(deadline, stream.next(patience)).await else {
            return Ok(None);
        };
        let event = next.map_err(RequestError::transient)?;
        let event = WireEvent::from_raw(&event);
        let event = event.map_err(|error| RequestError::not_the_api(error.to_string()))?;
        // Lines may still come while the log ends, and the end may take longer than a heartbeat.
        if let WireEvent::Done { end } = event {
            return Ok(Some(end.into()));
        }
    }
}

/// Reads the status of a job.
pub(crate) async fn read_status(
    endpoint: &Endpoint,
    job: &JobId,
) -> Result<StatusBody, RequestError> {
    read_json(endpoint, endpoint.logs_url(job, &["status"])).await
}

async fn read_page_body(
    endpoint: &Endpoint,
    job: &JobId,
    query: &[(&str, String)],
) -> Result<PageBody, RequestError> {
    let mut url = endpoint.logs_url(job, &[]);
    url.query_pairs_mut().extend_pairs(query);
    read_json(endpoint, url).await
}

async fn read_json<T: DeserializeOwned>(endpoint: &Endpoint, url: Url) -> Result<T, RequestError> {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = endpoint.get(url, headers).await?;
    expect_media_type(&response, "application/json")?;
    let body = endpoint.read_body(response).await?;
    serde_json::from_slice(&body).map_err(|error| RequestError::not_the_api(error.to_string()))
}
