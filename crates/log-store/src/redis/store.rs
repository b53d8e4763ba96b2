//! The store: its connections, its watches and its background tasks.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::careful::CarefulReads;
use super::connection::Connection;
use super::flushes::FlushDetection;
use super::options::{RedisOptions, RedisOptionsError};
use super::reads::LogReader;
use super::registry::Registry;
use super::role::Role;
use super::session::{ChangeDetection, Session};
use super::sizes::Sizes;
use super::tasks::spawn_background;
use super::{polling, sweep};
use crate::error::StoreError;

/// The store on Redis. Cheap to clone. Its connections end with the last clone and the last watch.
#[derive(Debug, Clone)]
pub struct RedisStore {
    pub(super) core: Arc<Core>,
}

/// What clones and watches share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) options: RedisOptions,
    /// Only for the reads of watches: a long reply would delay every push behind it.
    pub(super) watching: Arc<Connection>,
    /// For everything else.
    pub(super) commands: Arc<Connection>,
    /// For logs with long lines.
    pub(super) careful: CarefulReads,
    /// How large the lines of each log were lately.
    pub(super) sizes: Sizes,
    /// Everything watched.
    pub(super) registry: Arc<Registry>,
    /// Polling, sweeps and flush detection. They end with the store.
    _tasks: [AbortOnDropHandle<()>; 3],
}

impl Core {
    /// A reader of a log, over a session.
    pub(super) const fn reader<'a>(&'a self, session: &'a Session, key: &'a str) -> LogReader<'a> {
        LogReader {
            session,
            key,
            careful: &self.careful,
            sizes: &self.sizes,
            arms: false,
        }
    }
}

/// The state of a store, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisState {
    /// Whether both connections are there.
    pub connected: bool,
    /// Whether the server pushes changes; `None` while there is no connection.
    pub tracks: Option<bool>,
    /// How many keys are watched.
    pub watched: usize,
    /// How often everything watched was read again because a change may have been missed: once for each new connection and
    /// for each flush.
    pub resyncs: u64,
}

impl RedisStore {
    /// Makes a store and begins to connect in the background. It works as soon as Redis does.
    ///
    /// # Errors
    /// The options cannot work. It is no error that Redis is away: operations then answer that it is unavailable.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(options: RedisOptions) -> Result<Self, RedisOptionsError> {
        let config = options.parse()?;
        let registry = Arc::new(Registry::default());
        let start = |role| Arc::new(Connection::start(config.clone(), options.deadline, role));
        let watching = start(Role::Watching {
            registry: Arc::clone(&registry),
            mode: options.watch,
        });
        let commands = start(Role::Commands);
        let flushes = Arc::new(FlushDetection::default());
        let poll = polling::run(
            Arc::clone(&watching),
            Arc::clone(&registry),
            options.poll_interval,
        );
        let detect_flushes = Arc::clone(&flushes).run(Arc::clone(&commands), Arc::clone(&registry));
        let sweep = sweep::run(Arc::clone(&registry), options.sweep_interval, flushes);
        Ok(Self {
            core: Arc::new(Core {
                careful: CarefulReads::new(config, options.deadline),
                sizes: Sizes::default(),
                options,
                watching,
                commands,
                registry,
                _tasks: [
                    spawn_background("polling", poll),
                    spawn_background("flush detection", detect_flushes),
                    spawn_background("sweep", sweep),
                ],
            }),
        })
    }

    /// The state of the store.
    #[must_use]
    pub fn state(&self) -> RedisState {
        let watching = self.core.watching.current();
        let tracks = |session: &Session| session.change_detection == ChangeDetection::Tracking;
        RedisState {
            connected: watching.is_some() && self.core.commands.current().is_some(),
            tracks: watching.as_ref().map(tracks),
            watched: self.core.registry.len(),
            resyncs: self.core.registry.resyncs(),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        use fred::interfaces::ClientLike as _;
        let ping = |session: Session| async move { Ok(session.reads().ping::<()>(None).await?) };
        Ok(self.core.commands.read(ping).await?)
    }
}
