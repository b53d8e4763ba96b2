//! The servers of a store: one, or the masters of a cluster. Whoever asks about a key gets the server that serves it.

use std::time::Duration;

use fred::types::config::{Config, Server, ServerConfig};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::cluster::Cluster;
use super::fault::Fault;
use super::node::{Node, Purpose};
use super::node_options::NodeOptions;
use super::sentinel;
use super::session::Session;
use super::share::Share;
use super::slot_map::SLOTS;
use super::verdict::{Served, unusable_because};

/// The pause before an operation is tried again that the server has not carried out.
const RETRY_PAUSE: Duration = Duration::from_millis(30);

/// The servers of a store.
#[derive(Debug)]
pub(super) enum Servers {
    /// One server, or the primary that Sentinels name.
    One {
        node: Box<Node>,
        deadline: Duration,
        /// Keeps the name of a fixed server, or follows what Sentinels say.
        _target: TargetKeeper,
    },
    /// The masters of a cluster.
    Cluster(Cluster),
}

/// Whoever says which server is the right one.
#[derive(Debug)]
pub(super) enum TargetKeeper {
    Fixed {
        _server: watch::Sender<Option<Server>>,
    },
    Sentinels {
        _task: AbortOnDropHandle<()>,
    },
}

impl Servers {
    /// Begins to connect.
    pub(super) fn start(config: &Config, options: NodeOptions) -> Self {
        let (target, keeper) = match &config.server {
            ServerConfig::Clustered { hosts, .. } => {
                return Self::Cluster(Cluster::start(hosts.clone(), options));
            }
            ServerConfig::Sentinel { .. } => {
                let (target, task) = sentinel::follow(config);
                (target, TargetKeeper::Sentinels { _task: task })
            }
            ServerConfig::Centralized { server } => {
                let sender = watch::Sender::new(Some(server.clone()));
                let target = sender.subscribe();
                (target, TargetKeeper::Fixed { _server: sender })
            }
        };
        let deadline = options.deadline;
        Self::One {
            node: Box::new(Node::start(&options, &target, &Share::Everything)),
            deadline,
            _target: keeper,
        }
    }

    /// Reads something about a key.
    pub(super) async fn read<T, F, A>(
        &self,
        purpose: Purpose,
        key: &str,
        attempt: A,
    ) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        match self {
            Self::One { node, .. } => node.connection(purpose).read(attempt).await,
            Self::Cluster(cluster) => cluster.read(purpose, key, attempt).await,
        }
    }

    /// Reads something that any server can tell.
    pub(super) async fn read_anywhere<T, F, A>(
        &self,
        purpose: Purpose,
        attempt: A,
    ) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        match self {
            Self::One { node, .. } => node.connection(purpose).read(attempt).await,
            Self::Cluster(cluster) => cluster.read_anywhere(purpose, attempt).await,
        }
    }

    /// Writes something about a key. It is tried again only where the server says that it has done nothing.
    pub(super) async fn write<T, F, A>(&self, key: &str, mut attempt: A) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let (node, deadline) = match self {
            Self::One { node, deadline, .. } => (node, *deadline),
            Self::Cluster(cluster) => return cluster.write(key, attempt).await,
        };
        let end = Instant::now() + deadline;
        loop {
            let commands = node.connection(Purpose::Commands);
            match commands.write_until(end, &mut attempt).await {
                Err(fault) if fault.is_read_only() && Instant::now() + RETRY_PAUSE < end => {
                    sleep(RETRY_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Names the session for commands about a key, while there is one.
    pub(super) fn session(&self, key: &str) -> Option<u64> {
        let session = match self {
            Self::One { node, .. } => node.connection(Purpose::Commands).current(),
            Self::Cluster(cluster) => {
                let master = cluster.master_of(key)?;
                master.connection(Purpose::Commands).current()
            }
        };
        session.map(|session| session.unique)
    }

    /// Whether the address is that of a cluster.
    pub(super) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// How much is served now.
    pub(super) fn served(&self) -> Served {
        match self {
            Self::One { node, .. } => Served {
                slots: if node.is_connected() { SLOTS } else { 0 },
                tracks: node.connection(Purpose::Watching).tracks(),
            },
            Self::Cluster(cluster) => cluster.served(),
        }
    }

    /// Whether flushes are noticed on every server.
    pub(super) fn notices_flushes(&self) -> bool {
        match self {
            Self::One { node, .. } => node.server_watch.notices_flushes(),
            Self::Cluster(cluster) => cluster.notices_flushes(),
        }
    }

    /// A connection whose last error explains why there is none.
    pub(super) fn last_error(&self, purpose: Purpose) -> Option<fred::error::Error> {
        match self {
            Self::One { node, .. } => unusable_because(node.connection(purpose)),
            Self::Cluster(cluster) => cluster.last_error(purpose),
        }
    }
}
