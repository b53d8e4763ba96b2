//! One request and its answer, judged.

use std::time::Duration;

use log_domain::{EntryId, JobId, Line};
use log_wire::sse::Event as WireEvent;
use log_wire::{ErrorCode, PageBody};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::{Client, Inner};
use crate::connection::Connection;
use crate::error::{ClientError, Failure, Problem, Trouble};
use crate::event::Ending;

/// Most bytes that are read of an answer that says no.
const MAX_PROBLEM: usize = 64 * 1024;

/// The code of an answer that is about the address and not about the job.
const NO_ROUTE: &str = ErrorCode::RouteNotFound.as_str();

/// What answers a request for a live stream.
#[derive(Debug)]
pub(crate) enum Opened {
    Stream(Box<Connection>),
    /// 204: the job has ended, and there is nothing after the position.
    NothingMore,
}

/// Opens the live stream after a position; without one it is live only.
pub(crate) async fn open(
    client: &Client,
    job: &JobId,
    after: Option<EntryId>,
) -> Result<Opened, Failure> {
    let inner = &*client.inner;
    let mut url = logs_url(&inner.base, job);
    path_of(&mut url).push("stream");
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(after) = after {
        let value = HeaderValue::try_from(after.to_string());
        headers.extend(value.ok().map(|value| {
            let name = reqwest::header::HeaderName::from_static("last-event-id");
            (name, value)
        }));
    }
    let response = send(inner, url, headers).await?;
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(Opened::NothingMore);
    }
    expect_type(&response, "text/event-stream")?;
    Ok(Opened::Stream(Box::new(Connection::new(response))))
}

/// A page of history, after a position.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Line>,
    pub(crate) has_more: bool,
}

pub(crate) async fn page(client: &Client, job: &JobId, after: EntryId) -> Result<Page, Failure> {
    let query = [("after_id", after.to_string()), ("limit", "500".to_owned())];
    let body = page_body(client, job, &query).await?;
    let lines = body.lines.into_iter().map(Line::try_from);
    let lines = lines
        .collect::<Result<_, _>>()
        .map_err(|error| not_the_api(error.to_string()))?;
    Ok(Page {
        lines,
        has_more: body.has_more,
    })
}

/// The id of the newest line below a bound.
pub(crate) async fn newest(
    client: &Client,
    job: &JobId,
    before: Option<EntryId>,
) -> Result<Option<EntryId>, Failure> {
    let mut query = vec![("limit", "1".to_owned())];
    query.extend(before.map(|before| ("before_id", before.to_string())));
    let body = page_body(client, job, &query).await?;
    let newest = body.lines.last().map(|line| line.id.parse());
    newest
        .transpose()
        .map_err(|_| not_the_api("a line's `id` is none".to_owned()))
}

/// Whether a job has ended: a live-only stream of one that has says `done` at once.
pub(crate) async fn ending(
    client: &Client,
    job: &JobId,
    patience: Duration,
) -> Result<Option<Ending>, Failure> {
    let deadline = Instant::now() + patience;
    let Opened::Stream(mut stream) = open(client, job, None).await? else {
        return Err(not_the_api(
            "204 to a request without a position".to_owned(),
        ));
    };
    loop {
        let next = timeout_at(deadline, stream.next(patience)).await;
        let Ok(next) = next else { return Ok(None) };
        let event = next.map_err(|trouble| Failure::Passing(trouble, None))?;
        match WireEvent::of(&event).map_err(|error| not_the_api(error.to_string()))? {
            WireEvent::Done { status } => return Ok(Some(Ending::parse(&status))),
            // Lines may still come while the log ends, and the end may take longer than a heartbeat.
            WireEvent::Log(_)
            | WireEvent::Gap { .. }
            | WireEvent::Heartbeat
            | WireEvent::Reauth { .. }
            | WireEvent::Other(_) => {}
        }
    }
}

async fn page_body(
    client: &Client,
    job: &JobId,
    query: &[(&str, String)],
) -> Result<PageBody, Failure> {
    let inner = &*client.inner;
    let mut url = logs_url(&inner.base, job);
    url.query_pairs_mut().extend_pairs(query);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = send(inner, url, headers).await?;
    expect_type(&response, "application/json")?;
    let body = timeout(inner.options.answer, response.bytes()).await;
    let body = body
        .map_err(|_| Failure::Passing(Trouble::Silent(inner.options.answer), None))?
        .map_err(Failure::unreachable)?;
    serde_json::from_slice(&body).map_err(|error| not_the_api(error.to_string()))
}

/// Sends a request with a fresh token, and returns an answer that says yes.
async fn send(inner: &Inner, url: Url, mut headers: HeaderMap) -> Result<Response, Failure> {
    let token = inner.token.get().await;
    let token = token.map_err(|error| Failure::Passing(Trouble::Token(error), None))?;
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let Ok(mut value) = value else {
            let error = crate::error::TokenError::new("it holds characters that no token has");
            return Err(Failure::Final(ClientError::Token(error)));
        };
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let sent = timeout(
        inner.options.answer,
        inner.http.get(url).headers(headers).send(),
    );
    let response = sent
        .await
        .map_err(|_| Failure::Passing(Trouble::Silent(inner.options.answer), None))?
        .map_err(Failure::unreachable)?;
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refusal(response, inner.options.answer).await)
}

async fn refusal(mut response: Response, patience: Duration) -> Failure {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_PROBLEM {
                break;
            }
        }
    };
    // What did not come in time is not needed to know the answer.
    let _ = timeout(patience.min(Duration::from_secs(5)), read).await;
    let problem = Problem::of(status.as_u16(), &body);
    let passes = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        );
    if passes {
        return Failure::Passing(Trouble::Unavailable(problem), retry_after);
    }
    Failure::Final(match status {
        StatusCode::UNAUTHORIZED => ClientError::Unauthenticated(problem),
        // An address with a wrong path answers 404 as well, and is not about the job.
        StatusCode::NOT_FOUND if problem.code.as_deref() == Some(NO_ROUTE) => {
            ClientError::Refused(problem)
        }
        StatusCode::NOT_FOUND => ClientError::NotFound(problem),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ClientError::Invalid(problem),
        _ => ClientError::Refused(problem),
    })
}

/// `Retry-After` in seconds; a date, which the API never sends, counts as none.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

fn expect_type(response: &Response, expected: &str) -> Result<(), Failure> {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
    if found.starts_with(expected) {
        return Ok(());
    }
    Err(not_the_api(format!(
        "it sends `{}`, not {expected}",
        found.escape_debug()
    )))
}

pub(crate) fn not_the_api(reason: String) -> Failure {
    Failure::Final(ClientError::NotTheApi(reason))
}

fn logs_url(base: &Url, job: &JobId) -> Url {
    let mut url = base.clone();
    path_of(&mut url).extend(["api", "jobs", job.as_str(), "logs"]);
    url
}

/// The path, to be continued. The address has one: it has a host.
fn path_of(url: &mut Url) -> PathOf<'_> {
    PathOf(url)
}

struct PathOf<'a>(&'a mut Url);

impl PathOf<'_> {
    fn push(self, segment: &str) {
        self.extend([segment]);
    }

    fn extend<'s>(self, segments: impl IntoIterator<Item = &'s str>) {
        // An error means an address without a host, which the builder has refused.
        if let Ok(mut path) = self.0.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_before_the_api_is_kept_and_an_id_stays_one_segment() {
        for base in ["https://a.example/logs", "https://a.example/logs/"] {
            let job: JobId = "build-1".parse().unwrap();
            let url = logs_url(&Url::parse(base).unwrap(), &job);
            assert_eq!(url.as_str(), "https://a.example/logs/api/jobs/build-1/logs");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let header = |value: &'static str| {
            HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))])
        };
        assert_eq!(retry_after(&header("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&header("Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }
}
