//! The store on Redis Streams, as existing producers fill them.
//!
//! A store keeps two connections (two a node, in a cluster), whatever the number of watches: one for reads that wait for a
//! change, one for everything else. A third one, for a read that blocks while few logs are watched, it keeps unless it is in
//! a cluster, polls by its options, or reads nothing ahead. A watched read arms client tracking (RESP3): Redis pushes one
//! notice at the next change of the key, whichever it is, and the next read arms it again. Where the server does not allow
//! that, the store polls; the contract is the same.
//!
//! The oldest Redis that works is [`OLDEST_REDIS`]. Every operation ends within [`RedisOptions::deadline`] (R4), and goes
//! on within 5 s of Redis answering again.
//!
//! # Permissions
//!
//! For the default key pattern; [`RedisStore::check`] tries the reads, [`RedisStore::check_writes`] the writes,
//! [`RedisStore::check_access`] what is asked for tickets and revocations:
//!
//! | for | commands | keys |
//! |---|---|---|
//! | reading | `HMGET` `EXISTS` | `job:*` |
//! | reading | `XRANGE` `XREVRANGE` `XINFO STREAM` | `job:*:logs` |
//! | reading, without tracking, or sooner | `XREAD` | `job:*:logs` |
//! | reading | `PING` `CLIENT TRACKING` `CLIENT ID` `INFO` | – |
//! | appending | `EVAL` `XADD` `XTRIM` `EXPIRE` | `job:*:logs` |
//! | appending, moving jobs on | `CLIENT INFO` `CLIENT KILL` | – |
//! | moving jobs on | `EVAL` `EXISTS` `HGET` `HSET` | `job:*` |
//! | moving jobs on | `PUBLISH` | channels `job:*:events` |
//! | tickets | `SET` `GETDEL` | `log-api:*` |
//! | revocations | `EVAL` `SET` `TIME` `XADD` `PEXPIRE` `XRANGE` `XINFO STREAM` | `log-api:*` |
//!
//! `CLIENT TRACKING` refused means polling; `CLIENT ID` and `INFO` refused means a note in the log, and that a flush is
//! noticed later; `XREAD` refused while the server tracks means that a line comes a fraction of a millisecond later. In a
//! cluster `CLUSTER SLOTS` and `CLUSTER INFO` are needed, with Sentinel what its clients need.
//!
//! **Invariant:** no command that blocks but on the connection for it, and no type of fred in this module's API.

mod access;
mod ahead;
mod appends;
mod check;
mod decode;
mod fault;
mod flushes;
mod fred_client;
mod gather;
mod keys;
mod link;
mod options;
mod owned_task;
mod peer;
mod poll;
mod reads;
mod registry;
mod revocation_text;
mod role;
mod session;
mod slot;
mod watch;
mod writes;

pub use check::{CheckError, OLDEST_REDIS, ServerFacts, ServerVersion};
pub use keys::{KeyPatternError, KeyPatterns};
pub use options::{RedisOptions, RedisOptionsError, Retention, WatchMode};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fred::error::ErrorKind;
use fred::interfaces::ClientLike;
use log_domain::{Batch, EntryId, Job, JobId, JobStatus, LogBounds, Order, ReadLimit, Span};
use tokio::time::sleep;

use self::fault::Fault;
use self::flushes::Flushes;
use self::link::Link;
use self::owned_task::AbortOnDrop;
use self::registry::Registry;
use self::role::Role;
use self::session::{Noticed, Session};
use self::watch::Watch;
use self::writes::Step;
use crate::append::{LogAppend, NewLine};
use crate::error::{CreateJobError, StoreError, StoreRefused, TransitionError};
use crate::jobs::{JobWatch, JobWrites, Jobs, NewJob, Transition};
use crate::lines::{LogStore, LogWatch, TailRead};

/// In how many parts a sweep goes over everything watched: small ones, because a part is read at once.
const SWEEP_PARTS: u32 = 256;

/// How many times longer a sweep takes while flushes are noticed by themselves.
const SELDOM: u32 = 10;

/// The store on Redis. Cheap to clone; its connections end with the last clone and the last watch.
#[derive(Debug, Clone)]
pub struct RedisStore {
    core: Arc<Core>,
}

/// What clones and watches share.
#[derive(Debug)]
struct Core {
    options: RedisOptions,
    /// For reads that arm, and nothing else: a long reply on it would hold up every notice behind it.
    tail: Arc<Link>,
    /// For everything else.
    commands: Arc<Link>,
    /// Everything watched.
    registry: Arc<Registry>,
    /// Sweeps, polls, looks for flushes, reads ahead.
    _tasks: Vec<AbortOnDrop<()>>,
}

/// How a store is doing, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisState {
    /// Whether the connections are there without which nothing is read.
    pub connected: bool,
    /// How changes are noticed now; `None` while there is no connection.
    pub tracks: Option<bool>,
    /// How many keys are watched.
    pub watched: usize,
    /// How often everything watched was read again, because something may have been missed: once for each connection, and
    /// for each flush.
    pub resyncs: u64,
}

impl RedisStore {
    /// Makes a store and begins to connect in the background. It works as soon as Redis does.
    ///
    /// # Errors
    /// The options cannot work. That Redis is away is none: operations then answer that it is unavailable.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: RedisOptions) -> Result<Self, RedisOptionsError> {
        let config = options.parse()?;
        let registry = Arc::new(Registry::new(options.read_ahead));
        let role = Role::Tail {
            registry: Arc::clone(&registry),
            watch: options.watch,
        };
        let tail = Arc::new(Link::start(config.clone(), options.deadline, role));
        let commands = Link::start(config.clone(), options.deadline, Role::Commands);
        let commands = Arc::new(commands);
        let polls = poll::run(
            Arc::clone(&tail),
            Arc::clone(&registry),
            options.poll_interval,
        );
        let flushes = Arc::new(Flushes::default());
        let looks = Arc::clone(&flushes).look(Arc::clone(&commands), Arc::clone(&registry));
        let sweeps = sweep(Arc::clone(&registry), options.sweep_interval, flushes);
        let mut tasks = vec![
            tokio::spawn(polls),
            tokio::spawn(looks),
            tokio::spawn(sweeps),
        ];
        // A cluster would need a read a node. A proxy that knows no pushes may know no read that blocks either.
        let is_plain = options.watch != WatchMode::Poll && !config.server.is_clustered();
        if is_plain && options.read_ahead > 0 {
            let link = Link::start(config, options.deadline, Role::Ahead);
            tasks.push(tokio::spawn(ahead::run(link, Arc::clone(&registry))));
        }
        let _tasks = tasks.into_iter().map(AbortOnDrop).collect();
        Ok(Self {
            core: Arc::new(Core {
                options,
                tail,
                commands,
                registry,
                _tasks,
            }),
        })
    }

    /// Checks that the server is one that works, and that everything is allowed which reading needs.
    ///
    /// # Errors
    /// [`CheckError::Unavailable`] while Redis is away, to be checked again later; everything else somebody has to
    /// change, and names what.
    pub async fn check(&self) -> Result<ServerFacts, CheckError> {
        let version = self.commands_checked().await?;
        let keys = &self.core.options.keys;
        let tail = &self.core.tail;
        let checked = tail.read(async |session| {
            let checked = check::reads(&session, keys).await;
            Ok((checked, session.noticed == Noticed::ByTracking))
        });
        let (checked, tracks) = checked
            .await
            .map_err(|fault| self.refused_to_track(fault))?;
        checked?;
        Ok(ServerFacts { version, tracks })
    }

    /// Checks that everything is allowed which appending lines and moving jobs on need. Writes nothing.
    ///
    /// # Errors
    /// As [`RedisStore::check`].
    pub async fn check_writes(&self) -> Result<(), CheckError> {
        let (keys, keep) = (&self.core.options.keys, self.core.options.retention);
        let commands = &self.core.commands;
        let checked = commands.read(async |session| Ok(check::writes(&session, keys, keep).await));
        checked.await.map_err(|fault| away(commands, fault))?
    }

    /// How the store is doing.
    #[must_use]
    pub fn state(&self) -> RedisState {
        let tail = self.core.tail.current();
        RedisState {
            connected: tail.is_some() && self.core.commands.current().is_some(),
            tracks: tail.map(|session| session.noticed == Noticed::ByTracking),
            watched: self.core.registry.len(),
            resyncs: self.core.registry.resyncs(),
        }
    }

    async fn commands_checked(&self) -> Result<String, CheckError> {
        let commands = &self.core.commands;
        let version = commands.read(async |session| check::version(&session).await);
        let version = version.await.map_err(|fault| away(commands, fault))?;
        check::judge_version(&version)?;
        Ok(version)
    }

    /// Tells a tail that is away from one that may not track and must.
    fn refused_to_track(&self, fault: Fault) -> CheckError {
        let tail = &self.core.tail;
        let must_track = self.core.options.watch == WatchMode::Tracking;
        match tail.last_error().map(Fault::from) {
            Some(refused @ Fault::Refused(_)) if must_track && tail.current().is_none() => {
                CheckError::Permission {
                    command: "CLIENT TRACKING",
                    pattern: self.core.options.keys.logs_pattern().glob(),
                    source: StoreRefused::new(refused),
                }
            }
            _ => away(tail, fault),
        }
    }

    fn watched(&self, key: String) -> Watch {
        let seat = self.core.registry.take_seat(key);
        Watch::new(Arc::clone(&self.core), seat)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let pong = |session: Session| async move { Ok(session.reads().ping::<()>(None).await?) };
        Ok(self.core.commands.read(pong).await?)
    }
}

/// Why a link is away: because of the credentials, or for a reason that may pass.
fn away(link: &Link, fault: Fault) -> CheckError {
    match link.last_error() {
        Some(error) if link.current().is_none() && *error.kind() == ErrorKind::Auth => {
            CheckError::Credentials {
                source: StoreRefused::new(error),
            }
        }
        _ => fault.into(),
    }
}

/// Flags everything watched once an interval, a part at a time, whether anything was pushed or not; more seldom while
/// what it is for is noticed otherwise.
async fn sweep(registry: Arc<Registry>, every: Duration, flushes: Arc<Flushes>) {
    loop {
        for part in 0..SWEEP_PARTS {
            let longer = if flushes.are_noticed() { SELDOM } else { 1 };
            sleep(every / SWEEP_PARTS * longer).await;
            registry.flag_part(part.into(), SWEEP_PARTS.into());
        }
    }
}

#[async_trait]
impl LogStore for RedisStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| reads::span(&session, &key, span, order, limit).await;
        Ok(self.core.commands.read(read).await?)
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| reads::onward(&session, &key, after, limit).await;
        Ok(self.core.commands.read(read).await?)
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| reads::bounds(&session, &key).await;
        Ok(self.core.commands.read(read).await?)
    }

    fn watch(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(self.watched(self.core.options.keys.logs(job)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl LogAppend for RedisStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let (key, keep) = (
            self.core.options.keys.logs(job),
            self.core.options.retention,
        );
        let mut ids = Vec::with_capacity(lines.len());
        for lines in lines.chunks(appends::LINES_AT_ONCE) {
            let append = async |session| appends::append(&session, &key, lines, keep).await;
            ids.extend(self.core.commands.write(append).await?);
        }
        Ok(ids)
    }
}

#[async_trait]
impl Jobs for RedisStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let key = self.core.options.keys.job(job);
        let read = async |session| reads::job(&session, &key).await;
        Ok(self.core.commands.read(read).await?)
    }

    fn watch(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(self.watched(self.core.options.keys.job(job)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.ping().await
    }
}

#[async_trait]
impl JobWrites for RedisStore {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let key = self.core.options.keys.job(job);
        let create = async |session| writes::create(&session, &key, new).await;
        if self.core.commands.write(create).await? {
            Ok(())
        } else {
            Err(CreateJobError::Exists)
        }
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let current = Jobs::get(self, job).await?;
        let mut from = current.ok_or(TransitionError::NotFound)?.status;
        // Statuses do not go in circles fast enough for this to go round more than a few times.
        loop {
            from.check_step(&step.to)?;
            let keys = &self.core.options.keys;
            let take = async |session| writes::step(&session, keys, job, &from, step).await;
            match self.core.commands.write(take).await? {
                Step::Taken => return Ok(from),
                Step::NotFound => return Err(TransitionError::NotFound),
                Step::Overtaken(now) => from = now,
            }
        }
    }
}
