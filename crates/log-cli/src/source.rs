//! Where logs are read from: the API or a Redis server, as the options and the environment say.

use std::time::Duration;

use log_client::{Client, Event as ClientEvent, Follow};
use log_domain::{EntryId, JobId, JobStatus, Order, ReadLimit, Span, Start};
use log_store::redis::RedisStore;
use log_store::{Jobs as _, LogStore as _};
use tokio::time::timeout;

use crate::api;
use crate::args::{SourceArgs, StartAt};
use crate::environment::Environment;
use crate::event::{Event, MissingLines};
use crate::exit::Failure;
use crate::redis;
use crate::redis_follow::RedisFollow;
use crate::terminal::Terminal;
use crate::token;

/// The most lines in one read.
const READ_LINES: usize = 1_000;

/// How long to wait for the status of a job before its log is followed.
const STATUS_PATIENCE: Duration = Duration::from_secs(3);

/// The API or a Redis server.
pub(crate) struct Source {
    pub(crate) server: Server,
    /// How long to try while the server cannot be reached.
    pub(crate) patience: Duration,
}

pub(crate) enum Server {
    Api(Client),
    Redis(RedisStore),
}

/// A followed log.
pub(crate) enum FollowedLog {
    Api(Box<Follow>),
    Redis(Box<RedisFollow>),
}

impl Source {
    /// Opens the source that the options name, or otherwise the environment.
    pub(crate) async fn open(
        args: SourceArgs,
        patience: Duration,
        env: Environment,
        terminal: &mut Terminal,
    ) -> Result<Self, Failure> {
        let url = if args.redis.redis.is_some() {
            None
        } else {
            env.option_or(args.url, "JOBLOG_URL")
        };
        let server = if let Some(url) = url {
            let client = Client::builder(url)
                .token(token::source(args.token_command, env)?)
                .give_up_after(patience)
                .build()
                .map_err(Failure::usage)?;
            Server::Api(client)
        } else {
            let if_missing = "name the API (--url or JOBLOG_URL) or a Redis server (--redis or JOBLOG_REDIS_URL)";
            let store = redis::store(&args.redis, env, if_missing)?;
            redis::wait_until_usable(&store, patience, terminal).await?;
            Server::Redis(store)
        };
        Ok(Self { server, patience })
    }

    /// The position after which to print a log. `None` means new lines only.
    pub(crate) async fn position(
        &self,
        job: &JobId,
        start: StartAt,
        terminal: &mut Terminal,
    ) -> Result<Option<EntryId>, Failure> {
        let since = match start {
            StartAt::Now => return Ok(None),
            StartAt::FirstLine => return Ok(Some(EntryId::ZERO)),
            StartAt::Since(since) => since.0,
            StartAt::Last(lines) => {
                let before = self.before_last(job, lines, terminal).await?;
                return Ok(Some(before.unwrap_or(EntryId::ZERO)));
            }
        };
        // The last line before the time is a position that exists in the log. So a gap after it is a real gap.
        let last_before = match &self.server {
            Server::Api(client) => {
                let newest = async || client.newest_before(job, Some(since)).await;
                api::ask(self.patience, terminal, newest).await?
            }
            Server::Redis(store) => {
                let span = Span {
                    after: None,
                    before: Some(since),
                };
                let limit = ReadLimit::lines(1);
                let read = async || store.read(job, span, Order::NewestFirst, limit).await;
                let found = redis::read(self.patience, terminal, read).await?;
                found.lines.first().map(|line| line.id)
            }
        };
        Ok(Some(last_before.unwrap_or(EntryId::ZERO)))
    }

    /// The status of a job that no worker has taken yet. `None` for other jobs, for one that does not exist, and from a
    /// service that does not know the question.
    pub(crate) async fn status_before_work(
        &self,
        job: &JobId,
        terminal: &mut Terminal,
    ) -> Result<Option<JobStatus>, Failure> {
        let found = match &self.server {
            Server::Api(client) => {
                let status = timeout(self.patience.min(STATUS_PATIENCE), client.status(job)).await;
                // Whatever is wrong, the stream will say it.
                let found = status.ok().and_then(Result::ok);
                found.map(|found| found.status)
            }
            Server::Redis(store) => {
                let get = async || store.get(job).await;
                let found = redis::read(self.patience, terminal, get).await?;
                found.map(|job| job.status)
            }
        };
        Ok(found.filter(|status| [JobStatus::QUEUED, JobStatus::SCHEDULED].contains(status)))
    }

    /// The line before the last lines. `None` if the log has no other lines.
    async fn before_last(
        &self,
        job: &JobId,
        lines: usize,
        terminal: &mut Terminal,
    ) -> Result<Option<EntryId>, Failure> {
        let store = match &self.server {
            Server::Api(client) => {
                let find = async || client.before_last(job, lines).await;
                return api::ask(self.patience, terminal, find).await;
            }
            Server::Redis(store) => store,
        };
        let mut before = None;
        let mut wanted = lines.saturating_add(1);
        loop {
            let span = Span {
                after: None,
                before,
            };
            let limit = ReadLimit::lines(wanted.min(READ_LINES));
            let read = async || store.read(job, span, Order::NewestFirst, limit).await;
            let found = redis::read(self.patience, terminal, read).await?;
            wanted -= found.lines.len().min(wanted);
            match found.lines.last() {
                Some(oldest) if wanted == 0 => return Ok(Some(oldest.id)),
                Some(oldest) if found.more => before = Some(oldest.id),
                _ => return Ok(None),
            }
        }
    }

    pub(crate) async fn follow(
        &self,
        job: &JobId,
        start: StartAt,
        terminal: &mut Terminal,
    ) -> Result<FollowedLog, Failure> {
        let position = self.position(job, start, terminal).await?;
        let start = position.map_or(Start::Live, Start::After);
        Ok(match &self.server {
            Server::Api(client) => FollowedLog::Api(Box::new(client.follow(job, start))),
            Server::Redis(store) => {
                let follow = RedisFollow::open(store.clone(), job, start, self.patience).await?;
                FollowedLog::Redis(Box::new(follow))
            }
        })
    }
}

impl FollowedLog {
    /// The next event. `None` after the end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        match self {
            Self::Api(follow) => Ok(follow.next().await?.map(event_from_client)),
            Self::Redis(follow) => follow.next().await,
        }
    }
}

fn event_from_client(event: ClientEvent) -> Event {
    match event {
        ClientEvent::Connected => Event::Available,
        ClientEvent::Interrupted { error, .. } => Event::Unavailable(error.to_string()),
        ClientEvent::Line(line) => Event::Line(line),
        ClientEvent::Gap { after_id, first_id } => Event::Gap(MissingLines {
            after_id,
            first_id,
            count: None,
        }),
        ClientEvent::Done(ending) => Event::Done(ending),
        // A heartbeat, and what a later version may add.
        _ => Event::Idle,
    }
}
