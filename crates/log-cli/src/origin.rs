//! Where logs come from: the API or a Redis, whichever was named.

use std::pin::pin;
use std::time::Duration;

use log_client::{Client, ClientError, Event, Follow};
use log_domain::{EntryId, JobId, Order, ReadLimit, Span, Start};
use log_store::LogStore as _;
use log_store::redis::{KeyPatterns, RedisOptions, RedisStore};
use tokio::time::{Instant, sleep, timeout};

use crate::cli::{From, JobArg, OriginArgs, RedisArgs};
use crate::direct::{self, Direct, patiently};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::say::Say;
use crate::token;
use crate::waiting::{TICK, Waiting};

/// The API or a Redis, asked for one job.
pub(crate) enum Origin {
    Api(Client, Duration),
    Redis(RedisStore, Duration),
}

/// What a followed log tells, wherever it comes from.
#[derive(Debug)]
pub(crate) enum Happening {
    /// An event of the log.
    Event(Event),
    /// The log cannot be read now; it is tried again.
    Away(String),
    /// It can be read.
    Back,
    /// Nothing, for a moment.
    Quiet,
}

/// A followed log.
pub(crate) enum Following {
    Api(Box<Follow>),
    Redis(Box<Direct>),
}

impl Origin {
    /// Decides by the options, then by the environment.
    pub(crate) async fn open(
        args: OriginArgs,
        env: Environment,
        say: &mut Say,
    ) -> Result<Self, Failure> {
        let named_redis = args.redis.redis.is_some();
        let url = if named_redis {
            None
        } else {
            env.or(args.url, "JOBLOG_URL")
        };
        let Some(url) = url else {
            let store = redis(
                args.redis,
                env,
                || "name the API with --url or JOBLOG_URL, or a Redis with --redis or REDIS_URL",
            )?;
            direct::reachable(&store, args.give_up_after, say).await?;
            return Ok(Self::Redis(store, args.give_up_after));
        };
        let client = Client::builder(url)
            .token(token::source(args.token_command, env)?)
            .give_up_after(args.give_up_after)
            .build()
            .map_err(Failure::usage)?;
        Ok(Self::Api(client, args.give_up_after))
    }

    /// The position after which a log is printed; `None` is now.
    pub(crate) async fn position(
        &self,
        job: &JobId,
        from: From,
        say: &mut Say,
    ) -> Result<Option<EntryId>, Failure> {
        let since = match from {
            From::Now => return Ok(None),
            From::Start => return Ok(Some(EntryId::ZERO)),
            From::Since(since) => since.0,
        };
        // The last line before the time is a position that the log knows: a gap after it is a gap.
        let before = match self {
            Self::Api(client, patience) => {
                let newest = async || client.newest_before(job, Some(since)).await;
                asking(*patience, say, newest).await?
            }
            Self::Redis(store, patience) => {
                let span = Span {
                    after: None,
                    before: Some(since),
                };
                let limit = ReadLimit::lines(1);
                let read = async || store.read(job, span, Order::NewestFirst, limit).await;
                let found = patiently(*patience, say, read).await?;
                found.lines.first().map(|line| line.id)
            }
        };
        Ok(Some(before.unwrap_or(EntryId::ZERO)))
    }

    pub(crate) async fn follow(
        &self,
        job: &JobId,
        from: From,
        say: &mut Say,
    ) -> Result<Following, Failure> {
        let start = self.position(job, from, say).await?;
        let start = start.map_or(Start::Live, Start::After);
        Ok(match self {
            Self::Api(client, _) => Following::Api(Box::new(client.follow(job, start))),
            Self::Redis(store, patience) => {
                let direct = Direct::open(store.clone(), job, start, *patience).await?;
                Following::Redis(Box::new(direct))
            }
        })
    }
}

/// Repeats a request while the API is away.
pub(crate) async fn asking<T>(
    patience: Duration,
    say: &mut Say,
    ask: impl AsyncFn() -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut waiting = Waiting::default();
    waiting.on("waiting for the API");
    loop {
        let mut answer = pin!(ask());
        let answer = loop {
            match timeout(TICK, &mut answer).await {
                Ok(answer) => break answer,
                Err(_) => waiting.tick(say),
            }
        };
        match answer {
            Ok(answer) => {
                waiting.over(say, "the API is there");
                return Ok(answer);
            }
            Err(ClientError::GaveUp { error, .. }) if begun.elapsed() < patience => {
                waiting.on(error.to_string());
                waiting.tick(say);
                sleep(TICK).await;
            }
            Err(ClientError::GaveUp { error, .. }) => {
                let after = begun.elapsed();
                return Err(ClientError::GaveUp { error, after }.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Following {
    /// The next thing that happens; `None` after the end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Happening>, Failure> {
        match self {
            Self::Api(follow) => {
                let event: Result<_, ClientError> = follow.next().await;
                Ok(event?.map(|event| match event {
                    Event::Connected => Happening::Back,
                    Event::Heartbeat => Happening::Quiet,
                    Event::Interrupted { error, .. } => Happening::Away(error.to_string()),
                    event @ (Event::Line(_) | Event::Gap { .. } | Event::Done(_)) => {
                        Happening::Event(event)
                    }
                }))
            }
            Self::Redis(direct) => direct.next().await,
        }
    }
}

/// The job that was named.
pub(crate) fn job(arg: JobArg, env: Environment) -> Result<JobId, Failure> {
    job_id(arg.job, env, "name a job, or set JOBLOG_JOB")
}

pub(crate) fn job_id(
    given: Option<String>,
    env: Environment,
    missing: &str,
) -> Result<JobId, Failure> {
    let text = env.or(given, "JOBLOG_JOB");
    let text = text.ok_or_else(|| Failure::usage(missing))?;
    let id = text.parse::<JobId>();
    id.map_err(|error| Failure::usage(format_args!("a job's id {error}")))
}

/// The Redis that was named.
pub(crate) fn redis(
    args: RedisArgs,
    env: Environment,
    missing: impl Fn() -> &'static str,
) -> Result<RedisStore, Failure> {
    let url = env.or(args.redis, "REDIS_URL");
    let url = url.ok_or_else(|| Failure::usage(missing()))?;
    let mut options = RedisOptions::new(url);
    let keys = KeyPatterns::new(&args.job_key);
    options.keys = keys.map_err(|error| Failure::usage(format_args!("--job-key: {error}")))?;
    Ok(RedisStore::new(options)?)
}
