//! Follows a live log through connections that break.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use log_wire::sse::{Event as WireEvent, RawEvent};
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{ClientError, RequestError, TransientError};
use crate::event::{Ending, Event};
use crate::request::{self, StreamResponse};
use crate::retry::Retries;

/// If a server asks for a new token sooner than this after the stream opened, the client makes a pause first. Otherwise
/// the two could reconnect in an endless tight loop.
const MIN_STREAM_AGE: Duration = Duration::from_secs(1);

/// How long to wait for the answer to the question how a job has ended.
const ENDING_PATIENCE: Duration = Duration::from_secs(10);

/// Follows the log of one job. See `Client::follow`.
///
/// A follower that wants new lines only first asks for the newest line and starts after it. So it loses nothing even if
/// its connection breaks before the first event.
#[derive(Debug)]
pub struct Follow {
    endpoint: Arc<Endpoint>,
    job: JobId,
    /// The caller has every line up to here, or does not want it. `None` while a live-only follower does not know yet
    /// where it starts.
    position: Option<EntryId>,
    state: State,
    retries: Retries,
    /// Whether any request has succeeded.
    ever_succeeded: bool,
    /// Whether the client has already answered a 401 with a new token since the last success.
    token_replaced: bool,
}

enum State {
    /// The next attempt starts at this time.
    Waiting(Instant),
    /// An attempt is running. It is kept here so that dropping the future of `next` does not cancel it.
    Requesting(Pin<Box<dyn Future<Output = Response> + Send>>),
    Open(Box<Connection>),
    Finished,
}

/// The result of an attempt.
enum Response {
    /// Where a live-only follower starts.
    StartPosition(EntryId),
    Stream(StreamResponse),
    /// How the job ended, if it has ended.
    Ending(Option<Ending>),
    Failed(RequestError),
}

impl Follow {
    pub(crate) fn new(endpoint: Arc<Endpoint>, job: JobId, start: Start) -> Self {
        let retries = Retries::new(&endpoint.options);
        Self {
            endpoint,
            job,
            position: start.cursor(),
            state: State::Waiting(Instant::now()),
            retries,
            ever_succeeded: false,
            token_replaced: false,
        }
    }

    /// The next event. `None` after [`Event::Done`]. Cancel-safe.
    ///
    /// # Errors
    /// The server's answer is final, or nothing succeeded for longer than [`crate::ClientOptions::give_up_after`]. After
    /// an error there are no more events.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            let event = match &mut self.state {
                State::Finished => return Ok(None),
                State::Waiting(until) => {
                    sleep_until(*until).await;
                    self.state = self.request_stream();
                    continue;
                }
                State::Requesting(request) => {
                    let response = request.await;
                    self.handle_response(response)
                }
                State::Open(connection) => {
                    let idle_timeout = self.endpoint.options.idle_timeout;
                    let event = connection.next(idle_timeout).await;
                    self.handle_stream(event)
                }
            };
            match event {
                Ok(Some(event)) => return Ok(Some(event)),
                Ok(None) => {}
                Err(error) => {
                    self.state = State::Finished;
                    return Err(error);
                }
            }
        }
    }

    /// The id of the last line, or the position where the follower started. `None` while a live-only follower does not
    /// know where it starts.
    #[must_use]
    pub const fn position(&self) -> Option<EntryId> {
        self.position
    }

    /// Opens the stream at the position, or finds the position first.
    fn request_stream(&self) -> State {
        let (endpoint, job) = (Arc::clone(&self.endpoint), self.job.clone());
        let position = self.position;
        State::Requesting(Box::pin(async move {
            let response = match position {
                Some(position) => request::open_stream(&endpoint, &job, Some(position))
                    .await
                    .map(Response::Stream),
                None => request::read_newest_id(&endpoint, &job, None)
                    .await
                    .map(|newest| Response::StartPosition(newest.unwrap_or(EntryId::ZERO))),
            };
            response.unwrap_or_else(Response::Failed)
        }))
    }

    fn request_ending(&self) -> State {
        let (endpoint, job) = (Arc::clone(&self.endpoint), self.job.clone());
        State::Requesting(Box::pin(async move {
            let ending = request::read_ending(&endpoint, &job, ENDING_PATIENCE).await;
            ending.map_or_else(Response::Failed, Response::Ending)
        }))
    }

    fn handle_response(&mut self, response: Response) -> Result<Option<Event>, ClientError> {
        self.ever_succeeded |= !matches!(response, Response::Failed(_));
        match response {
            Response::StartPosition(position) => {
                self.position = Some(position);
                self.state = State::Waiting(Instant::now());
                Ok(None)
            }
            Response::Stream(StreamResponse::Open(connection)) => {
                self.state = State::Open(connection);
                Ok(Some(Event::Connected))
            }
            Response::Stream(StreamResponse::NothingMore) => {
                self.state = self.request_ending();
                Ok(None)
            }
            Response::Ending(Some(ending)) => Ok(Some(self.finish(ending))),
            // Somebody has moved the job back: it has not ended after all.
            Response::Ending(None) => {
                self.state = State::Waiting(Instant::now() + self.retries.next_pause());
                Ok(None)
            }
            Response::Failed(error) => self.handle_error(error),
        }
    }

    fn handle_error(&mut self, error: RequestError) -> Result<Option<Event>, ClientError> {
        match error {
            RequestError::Transient {
                error: TransientError::Token(error),
                ..
            } if !self.ever_succeeded => Err(ClientError::Token(error)),
            RequestError::Transient { error, retry_after } => {
                self.interrupted(error, retry_after).map(Some)
            }
            // The token may have expired on its way to the server. One new token is worth a try.
            RequestError::Final(ClientError::Unauthenticated(_))
                if self.ever_succeeded
                    && self.endpoint.token.is_fresh()
                    && !self.token_replaced =>
            {
                self.token_replaced = true;
                self.state = State::Waiting(Instant::now());
                Ok(None)
            }
            RequestError::Final(error) => Err(error),
        }
    }

    fn handle_stream(
        &mut self,
        event: Result<RawEvent, TransientError>,
    ) -> Result<Option<Event>, ClientError> {
        let State::Open(connection) = &self.state else {
            return Ok(None);
        };
        let age = connection.age();
        match event {
            Ok(event) if event.event == "reauth" => {
                self.move_to(&event.last_event_id);
                let pause = if age < MIN_STREAM_AGE {
                    self.retries.next_pause()
                } else {
                    Duration::ZERO
                };
                self.state = State::Waiting(Instant::now() + pause);
                Ok(None)
            }
            Ok(event) => self.handle_event(&event, age),
            Err(error) => {
                let retry_after = connection.retry();
                let last_event_id = connection.last_event_id().to_owned();
                self.move_to(&last_event_id);
                if age > self.endpoint.options.max_backoff {
                    self.succeeded();
                }
                self.interrupted(error, retry_after).map(Some)
            }
        }
    }

    fn handle_event(
        &mut self,
        raw: &RawEvent,
        age: Duration,
    ) -> Result<Option<Event>, ClientError> {
        let event = WireEvent::from_raw(raw);
        let event = event.map_err(|error| ClientError::NotTheApi(error.to_string()))?;
        self.move_to(&raw.last_event_id);
        Ok(match event {
            WireEvent::Log(line) => {
                self.succeeded();
                self.position = Some(line.id);
                Some(Event::Line(line))
            }
            WireEvent::Gap { after_id, first_id } => Some(Event::Gap { after_id, first_id }),
            WireEvent::Heartbeat => {
                // Every stream begins with one. It says nothing about whether the stream holds.
                if age > MIN_STREAM_AGE {
                    self.succeeded();
                }
                Some(Event::Heartbeat)
            }
            WireEvent::Done { end } => Some(self.finish(end.into())),
            // `handle_stream` has handled `reauth`. Unknown events are ignored.
            _ => None,
        })
    }

    /// Moves the position to an event id. A stream that sends no id leaves the position where it is.
    fn move_to(&mut self, last_event_id: &str) {
        self.position = last_event_id.parse().ok().or(self.position);
    }

    fn finish(&mut self, ending: Ending) -> Event {
        self.state = State::Finished;
        Event::Done(ending)
    }

    fn succeeded(&mut self) {
        self.retries.succeeded();
        self.token_replaced = false;
    }

    fn interrupted(
        &mut self,
        error: TransientError,
        retry_after: Option<Duration>,
    ) -> Result<Event, ClientError> {
        let (error, pause) = self.retries.failed(error, retry_after)?;
        self.state = State::Waiting(Instant::now() + pause);
        Ok(Event::Interrupted { error, pause })
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting(_) => "Waiting",
            Self::Requesting(_) => "Requesting",
            Self::Open(_) => "Open",
            Self::Finished => "Finished",
        })
    }
}
