//! The store: its connections, its watches and its background tasks.

use std::sync::Arc;

use fred::types::config::ServerConfig;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::careful::CarefulReads;
use super::node::Purpose;
use super::node_options::NodeOptions;
use super::options::RedisOptions;
use super::options_error::RedisOptionsError;
use super::reads::LogReader;
use super::registry::Registry;
use super::servers::Servers;
use super::session::Session;
use super::sizes::Sizes;
use super::sweep;
use super::tasks::spawn_background;
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
    /// The connections.
    pub(super) servers: Arc<Servers>,
    /// For logs with long lines.
    pub(super) careful: CarefulReads,
    /// How large the lines of each log were lately.
    pub(super) sizes: Sizes,
    /// Everything watched.
    pub(super) registry: Arc<Registry>,
    /// The sweep. It ends with the store.
    _sweep: AbortOnDropHandle<()>,
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
            checks_position: true,
        }
    }
}

/// The state of a store, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisState {
    /// Whether both connections are there; in a cluster, those to some master.
    pub connected: bool,
    /// How many of the 16,384 slots of a cluster are served: their master is connected. All of them, or none, where there
    /// is one server.
    pub slots_served: u16,
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
    /// The options cannot work, or there is no tokio runtime. It is no error that Redis is away: operations then answer that
    /// it is unavailable.
    pub fn new(options: RedisOptions) -> Result<Self, RedisOptionsError> {
        let config = options.parse()?;
        Handle::try_current().map_err(|_| RedisOptionsError::NoRuntime)?;
        let registry = Arc::new(Registry::default());
        let node = NodeOptions {
            config: config.clone(),
            deadline: options.deadline,
            mode: options.watch,
            poll_interval: options.poll_interval,
            registry: Arc::clone(&registry),
            must_be_primary: matches!(config.server, ServerConfig::Sentinel { .. }),
        };
        let servers = Arc::new(Servers::start(&config, node));
        let sweep = sweep::run(
            Arc::clone(&registry),
            options.sweep_interval,
            Arc::clone(&servers),
        );
        Ok(Self {
            core: Arc::new(Core {
                careful: CarefulReads::new(Arc::clone(&servers)),
                sizes: Sizes::default(),
                options,
                servers,
                registry,
                _sweep: spawn_background("sweep", sweep),
            }),
        })
    }

    /// The state of the store.
    #[must_use]
    pub fn state(&self) -> RedisState {
        let served = self.core.servers.served();
        RedisState {
            connected: served.slots > 0,
            slots_served: served.slots,
            tracks: served.tracks,
            watched: self.core.registry.len(),
            resyncs: self.core.registry.resyncs(),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let ping = async |session: Session| session.ping().await;
        let servers = &self.core.servers;
        Ok(servers.read_anywhere(Purpose::Commands, ping).await?)
    }
}
