//! Following a live log through connections that do not last.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use log_wire::sse::{Event as WireEvent, RawEvent};
use tokio::time::{Instant, sleep_until};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::connection::Connection;
use crate::error::{ClientError, Failure, Trouble};
use crate::event::{Ending, Event};
use crate::request::{self, Opened};

/// A stream that asks for another token sooner than this is not obeyed at once, or the two would go round for ever.
const SHORT: Duration = Duration::from_secs(1);

/// How long the question waits whether a job has ended that seems to have.
const ENDING: Duration = Duration::from_secs(10);

/// Follows one job's log, see [`Client::follow`].
///
/// A live-only follower first asks for the newest line there is and begins behind it, so that a connection that breaks
/// before its first event loses nothing either.
#[derive(Debug)]
pub struct Follow {
    client: Client,
    job: JobId,
    /// Everything up to here was handed out, or lies before the start. `None` where a live-only follower does not know
    /// yet where it begins.
    position: Option<EntryId>,
    state: State,
    backoff: Backoff,
    /// Since when nothing has succeeded; `None` while something does.
    since: Option<Instant>,
    /// Whether the server has ever said yes.
    welcome: bool,
    /// Whether a refused token was answered with another one already.
    second_token: bool,
}

enum State {
    /// The next attempt is due then.
    Due(Instant),
    /// An attempt is under way. Kept here, so that a dropped `next` drops nothing.
    Trying(Pin<Box<dyn Future<Output = Attempt> + Send>>),
    Open(Box<Connection>),
    Finished,
}

/// How an attempt went.
enum Attempt {
    /// Where a live-only follower begins.
    Located(EntryId),
    Opened(Opened),
    /// How the job ended, if it has.
    Ended(Option<Ending>),
    Failed(Failure),
}

impl Follow {
    pub(crate) fn new(client: Client, job: JobId, start: Start) -> Self {
        let options = &client.inner.options;
        let backoff = Backoff::new(options.first_pause, options.longest_pause);
        Self {
            client,
            job,
            position: start.cursor(),
            state: State::Due(Instant::now()),
            backoff,
            since: None,
            welcome: false,
            second_token: false,
        }
    }

    /// The next event; `None` after [`Event::Done`]. Cancel-safe.
    ///
    /// # Errors
    /// The server's answer is final, or the trouble lasted longer than [`crate::ClientOptions::give_up`]. Nothing follows an
    /// error.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            let event = match &mut self.state {
                State::Finished => return Ok(None),
                State::Due(at) => {
                    sleep_until(*at).await;
                    self.state = State::Trying(self.attempt());
                    continue;
                }
                State::Trying(attempt) => {
                    let attempt = attempt.await;
                    self.after_attempt(attempt)
                }
                State::Open(connection) => {
                    let silence = self.client.inner.options.silence;
                    let next = connection.next(silence).await;
                    self.after_read(next)
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

    /// Where the follower is: the id of the last line, or where it began. `None` before a live-only one knows.
    #[must_use]
    pub const fn position(&self) -> Option<EntryId> {
        self.position
    }

    fn attempt(&self) -> Pin<Box<dyn Future<Output = Attempt> + Send>> {
        let (client, job) = (self.client.clone(), self.job.clone());
        let position = self.position;
        Box::pin(async move {
            let attempt = match position {
                Some(position) => request::open(&client, &job, Some(position))
                    .await
                    .map(Attempt::Opened),
                None => request::newest(&client, &job, None)
                    .await
                    .map(|newest| Attempt::Located(newest.unwrap_or(EntryId::ZERO))),
            };
            attempt.unwrap_or_else(Attempt::Failed)
        })
    }

    fn ask_for_the_ending(&self) -> State {
        let (client, job) = (self.client.clone(), self.job.clone());
        State::Trying(Box::pin(async move {
            let ending = request::ending(&client, &job, ENDING).await;
            ending.map_or_else(Attempt::Failed, Attempt::Ended)
        }))
    }

    fn after_attempt(&mut self, attempt: Attempt) -> Result<Option<Event>, ClientError> {
        self.welcome |= !matches!(attempt, Attempt::Failed(_));
        match attempt {
            Attempt::Located(position) => {
                self.position = Some(position);
                self.state = State::Due(Instant::now());
                Ok(None)
            }
            Attempt::Opened(Opened::Stream(connection)) => {
                self.state = State::Open(connection);
                Ok(Some(Event::Connected))
            }
            Attempt::Opened(Opened::NothingMore) => {
                self.state = self.ask_for_the_ending();
                Ok(None)
            }
            Attempt::Ended(Some(ending)) => Ok(Some(self.done(ending))),
            // It goes on after all: somebody has moved the job back.
            Attempt::Ended(None) => {
                self.state = State::Due(Instant::now() + self.backoff.pause(None));
                Ok(None)
            }
            Attempt::Failed(Failure::Passing(Trouble::Token(error), _)) if !self.welcome => {
                Err(ClientError::Token(error))
            }
            Attempt::Failed(Failure::Passing(trouble, hint)) => {
                self.interrupted(trouble, hint).map(Some)
            }
            Attempt::Failed(Failure::Final(ClientError::Unauthenticated(_)))
                if self.welcome && self.client.inner.token.is_fresh() && !self.second_token =>
            {
                // A token may run out on its way.
                self.second_token = true;
                self.state = State::Due(Instant::now());
                Ok(None)
            }
            Attempt::Failed(Failure::Final(error)) => Err(error),
        }
    }

    fn after_read(
        &mut self,
        read: Result<RawEvent, Trouble>,
    ) -> Result<Option<Event>, ClientError> {
        let State::Open(connection) = &self.state else {
            return Ok(None);
        };
        let lasted = connection.opened.elapsed();
        match read {
            Ok(event) if event.event == "reauth" => {
                if let Ok(position) = event.last_event_id.parse() {
                    self.position = Some(position);
                }
                let pause = if lasted < SHORT {
                    self.backoff.pause(None)
                } else {
                    Duration::ZERO
                };
                self.state = State::Due(Instant::now() + pause);
                Ok(None)
            }
            Ok(event) => self.understood(&event),
            Err(trouble) => {
                let retry = connection.retry();
                if let Ok(position) = connection.last_event_id().parse() {
                    self.position = Some(position);
                }
                if lasted > self.client.inner.options.longest_pause {
                    self.succeeded();
                }
                self.interrupted(trouble, retry).map(Some)
            }
        }
    }

    fn understood(&mut self, raw: &RawEvent) -> Result<Option<Event>, ClientError> {
        let event = WireEvent::of(raw);
        let event = event.map_err(|error| ClientError::NotTheApi(error.to_string()))?;
        if let Ok(position) = raw.last_event_id.parse() {
            self.position = Some(position);
        }
        Ok(match event {
            WireEvent::Log(line) => {
                self.succeeded();
                self.position = Some(line.id);
                Some(Event::Line(line))
            }
            WireEvent::Gap { after_id, first_id } => Some(Event::Gap { after_id, first_id }),
            WireEvent::Heartbeat => {
                self.succeeded();
                Some(Event::Heartbeat)
            }
            WireEvent::Done { status } => Some(self.done(Ending::parse(&status))),
            // Told apart before.
            WireEvent::Reauth { .. } | WireEvent::Other(_) => None,
        })
    }

    fn done(&mut self, ending: Ending) -> Event {
        self.state = State::Finished;
        Event::Done(ending)
    }

    const fn succeeded(&mut self) {
        self.backoff.reset();
        self.since = None;
        self.second_token = false;
    }

    fn interrupted(
        &mut self,
        trouble: Trouble,
        hint: Option<Duration>,
    ) -> Result<Event, ClientError> {
        let pause = self.backoff.pause(hint);
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let limit = self.client.inner.options.give_up;
        if limit.is_some_and(|limit| now + pause > since + limit) {
            let after = now - since;
            return Err(ClientError::GaveUp { trouble, after });
        }
        self.state = State::Due(now + pause);
        Ok(Event::Interrupted { trouble, pause })
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Due(_) => "Due",
            Self::Trying(_) => "Trying",
            Self::Open(_) => "Open",
            Self::Finished => "Finished",
        })
    }
}
