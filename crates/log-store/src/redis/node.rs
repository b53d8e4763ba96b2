//! One server and the connections to it.

use std::sync::{Arc, OnceLock};

use fred::types::config::Server;
use tokio::sync::{Notify, watch};
use tokio_util::task::AbortOnDropHandle;

use super::connection::Connection;
use super::node_options::NodeOptions;
use super::polling;
use super::role::Role;
use super::server_watch::ServerWatch;
use super::share::Share;
use super::tasks::spawn_background;

/// Which of the two connections is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The reads of watches. Nothing else: a long reply would delay every push behind it.
    Watching,
    /// Everything else.
    Commands,
    /// Large replies, so that nobody waits behind them. The connection is made when the first is needed.
    Large,
}

/// One server: a node of a cluster, or the only one.
#[derive(Debug)]
pub(super) struct Node {
    watching: Arc<Connection>,
    commands: Arc<Connection>,
    large: OnceLock<Connection>,
    /// What is needed to make the third one.
    target: watch::Receiver<Option<Server>>,
    options: NodeOptions,
    /// Whether flushes of this server are noticed.
    pub(super) server_watch: Arc<ServerWatch>,
    /// Polling, and the look at the server. They end with the node.
    _tasks: [AbortOnDropHandle<()>; 2],
}

impl Node {
    /// Begins to connect to the server that the watch names, and to the next one when it names another.
    pub(super) fn start(
        options: &NodeOptions,
        target: &watch::Receiver<Option<Server>>,
        share: &Share,
    ) -> Self {
        let registry = &options.registry;
        let server_is_back = Arc::new(Notify::new());
        let start = |role| {
            let server_is_back = Arc::clone(&server_is_back);
            Arc::new(Connection::start(
                target.clone(),
                options,
                role,
                server_is_back,
            ))
        };
        let watching = start(Role::Watching {
            registry: Arc::clone(registry),
            share: share.clone(),
            mode: options.mode,
        });
        let commands = start(Role::Commands);
        let server_watch = Arc::new(ServerWatch::default());
        let poll = polling::run(
            Arc::clone(&watching),
            Arc::clone(registry),
            share.clone(),
            options.poll_interval,
        );
        let look = Arc::clone(&server_watch).run(
            [Arc::clone(&commands), Arc::clone(&watching)],
            Arc::clone(registry),
            share.clone(),
        );
        Self {
            watching,
            commands,
            large: OnceLock::new(),
            target: target.clone(),
            options: options.clone(),
            server_watch,
            _tasks: [
                spawn_background("polling", poll),
                spawn_background("server watch", look),
            ],
        }
    }

    pub(super) fn connection(&self, purpose: Purpose) -> &Connection {
        match purpose {
            Purpose::Watching => &self.watching,
            Purpose::Commands => &self.commands,
            Purpose::Large => self.large.get_or_init(|| {
                let nobody = Arc::default();
                Connection::start(self.target.clone(), &self.options, Role::Commands, nobody)
            }),
        }
    }

    /// Whether both connections are there.
    pub(super) fn is_connected(&self) -> bool {
        self.watching.current().is_some() && self.commands.current().is_some()
    }
}
