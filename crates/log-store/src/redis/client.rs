//! The one module that knows fred's behaviour.
//!
//! fred 10.1 is a good parser, router and pipeliner, but its handling of lost connections does not fit us. Each point below
//! was seen on a live server or read in its source, and each has a test (in `tests/redis/fred.rs`).
//!
//! | fred | here |
//! |---|---|
//! | tracking is off after a reconnection, silently | every session is a new client; tracking is switched on before it is used |
//! | a command that was under way is sent again, an `XADD` twice | fred does not reconnect and tries once; only reads are repeated, by [`super::connection`] |
//! | commands pile up without bound while the server is away; its bounded queue, once full, loses count and stops flushing | fred gets no commands while there is no session; [`super::connection`] bounds what is under way |
//! | the push of a flush (`FLUSHALL`) is dropped | [`super::flushes`] asks once a second; the sweep finds what else Redis does not push |
//! | pushes go through a channel of 32; a slow reader loses them | room for [`PUSHES`], and lost pushes flag everything |
//! | a frozen server is not noticed, less so while commands are written (each restarts its clock) | our own `PING` each second; one without an answer ends the session |

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, TrackingInterface};
use fred::types::client::Invalidation;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, TcpConfig, UnresponsiveConfig,
};
use fred::types::{ClusterStateChange, RespVersion};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::fault::{Fault, is_not_offered};
use super::options::WatchMode;
use super::peer::Peer;
use super::registry::Registry;
use super::role::Role;
use super::session::{ChangeDetection, PATIENCE, Session, timed_out};

/// Room for pushes that were not read yet. fred allocates all of it at once, nine times over (one channel for each kind of
/// event): 4,096 costs 5 MB and covers 200 ms at 20,000 changes a second.
const PUSHES: usize = 4096;

/// How often a `PING` is sent.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A client from its making to the end of its connection.
pub(super) struct ConnectedClient {
    pub(super) session: Session,
    /// fred's task, which holds the sockets.
    task: AbortOnDropHandle<Result<(), Error>>,
    /// Where changes are flagged.
    pushes: Option<Pushes>,
    /// The connection as the servers know it, where it may write. In a cluster, only the nodes that there were at first.
    pub(super) peers: Vec<Peer>,
}

/// What the server tells by itself.
struct Pushes {
    registry: Arc<Registry>,
    invalidations: Receiver<Invalidation>,
    cluster_changes: Receiver<Vec<ClusterStateChange>>,
}

impl ConnectedClient {
    /// Connects and sets the connection up.
    pub(super) async fn connect(
        config: &Config,
        role: &Role,
        use_resp3: bool,
        number: u64,
        deadline: Duration,
        tasks: TaskTracker,
    ) -> Result<Self, Error> {
        let wants_tracking =
            matches!(role, Role::Watching { mode, .. } if *mode != WatchMode::Poll);
        let resp3 = wants_tracking && use_resp3;
        let client = new_client(config.clone(), role, resp3, deadline.min(PATIENCE));
        // Before it connects, so that no push is missed.
        let pushes = match role {
            Role::Watching { registry, .. } => Some(Pushes {
                registry: Arc::clone(registry),
                invalidations: client.invalidation_rx(),
                cluster_changes: client.cluster_change_rx(),
            }),
            Role::Commands => None,
        };
        let mut connected = client.reconnect_rx();
        let mut task = AbortOnDropHandle::new(client.connect());
        tokio::select! {
            _ = connected.recv() => {}
            ended = &mut task => return Err(end_reason(ended)),
            () = sleep(2 * PATIENCE) => return Err(timed_out()),
        }
        let set_up = async {
            wait_for_answer(&client).await?;
            let change_detection = set_up(&client, role, resp3).await?;
            let peers = match role {
                Role::Watching { .. } => Vec::new(),
                Role::Commands => Peer::find_all(&client).await?,
            };
            Ok::<_, Error>((change_detection, peers))
        };
        // fred may never answer a command of a connection that is lost at this moment.
        let (change_detection, peers) = tokio::select! {
            done = set_up => done?,
            ended = &mut task => return Err(end_reason(ended)),
        };
        let batches = matches!(role, Role::Watching { .. }) && !client.is_clustered();
        let session = Session::new(number, change_detection, client, batches.then_some(tasks));
        Ok(Self {
            session,
            task,
            pushes,
            peers,
        })
    }

    /// Ends former connections at the server before this one is used. Commands that are still on their way over them are
    /// then never carried out. So a read after a failed write sees for good what that write has done (A5 of
    /// [`crate::LogAppend`]).
    pub(super) async fn end_former(&self, former: &[Peer]) -> Result<(), Error> {
        let client = &self.session.client;
        for peer in former {
            match timeout(PATIENCE, peer.end(client)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if is_lost(&error) => return Err(error),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a former connection may still write");
                }
                Err(_) => return Err(timed_out()),
            }
        }
        Ok(())
    }

    /// Flags everything watched: what happened before this connection was there is unknown.
    pub(super) fn flag_all(&self) {
        if let Some(pushes) = &self.pushes {
            pushes.registry.flag_all();
        }
    }

    /// Flags what the server pushes, until the connection is lost.
    pub(super) async fn run_until_lost(mut self) -> Error {
        let session = self.session;
        tokio::select! {
            ended = &mut self.task => end_reason(ended),
            error = watch_heartbeat(&session) => error,
            error = flag_pushed(&session, self.pushes.as_mut()) => error,
        }
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(Fault::from(error.clone()), Fault::ConnectionLost(_))
}

fn new_client(mut config: Config, role: &Role, resp3: bool, patience: Duration) -> Client {
    config.version = if resp3 {
        RespVersion::RESP3
    } else {
        RespVersion::RESP2
    };
    config.fail_fast = true;
    let performance = PerformanceConfig {
        broadcast_channel_capacity: match role {
            Role::Watching { .. } => PUSHES,
            Role::Commands => 16,
        },
        ..PerformanceConfig::default()
    };
    let connection = ConnectionConfig {
        connection_timeout: patience,
        internal_command_timeout: patience,
        max_command_attempts: 1,
        unresponsive: UnresponsiveConfig {
            max_timeout: None,
            ..UnresponsiveConfig::default()
        },
        tcp: TcpConfig {
            nodelay: Some(true),
            ..TcpConfig::default()
        },
        ..ConnectionConfig::default()
    };
    // No policy: fred never connects again by itself, and what was under way fails.
    Client::new(config, Some(performance), Some(connection), None)
}

/// Waits for a first answer. A connection that was only just accepted may belong to a server that is frozen.
async fn wait_for_answer(client: &Client) -> Result<(), Error> {
    let pong = timeout(PATIENCE, client.ping::<()>(None)).await;
    match pong.unwrap_or_else(|_| Err(timed_out())) {
        Err(error) if is_lost(&error) => Err(error),
        // An error reply is an answer, too. Each command will say for itself what it may not do.
        _ => Ok(()),
    }
}

/// Switches tracking on where it is wanted and allowed.
async fn set_up(client: &Client, role: &Role, resp3: bool) -> Result<ChangeDetection, Error> {
    let Role::Watching { mode, .. } = role else {
        return Ok(ChangeDetection::None);
    };
    if !resp3 {
        return match mode {
            WatchMode::Tracking => Err(Error::new(ErrorKind::Config, NO_RESP3)),
            WatchMode::Auto => {
                tracing::info!("the server does not know RESP3; watches poll");
                Ok(ChangeDetection::Polling)
            }
            WatchMode::Poll => Ok(ChangeDetection::Polling),
        };
    }
    match start_tracking(client).await {
        Ok(()) => Ok(ChangeDetection::Tracking),
        Err(error) if *mode == WatchMode::Auto && is_not_offered(&error) => {
            tracing::info!(%error, "the server refuses tracking; watches poll");
            Ok(ChangeDetection::Polling)
        }
        Err(error) => Err(error),
    }
}

const NO_RESP3: &str = "the server does not know RESP3, so it cannot track";

async fn start_tracking(client: &Client) -> Result<(), Error> {
    let no_prefixes: Vec<String> = Vec::new();
    let on = client.start_tracking(no_prefixes, false, false, false, false);
    timeout(PATIENCE, on)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// Returns when a `PING` gets no answer. In a cluster every node is asked.
async fn watch_heartbeat(session: &Session) -> Error {
    loop {
        sleep(HEARTBEAT).await;
        let answered = timeout(PATIENCE, session.wait_until_caught_up()).await;
        if answered.is_err() {
            return timed_out();
        }
    }
}

/// Flags what the server pushes. Returns when that cannot go on.
async fn flag_pushed(session: &Session, pushes: Option<&mut Pushes>) -> Error {
    let Some(pushes) = pushes else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            closed = flag_invalidated(&pushes.registry, &mut pushes.invalidations) => return closed,
            // The cluster has changed: connections to new nodes do not track yet.
            _ = pushes.cluster_changes.recv(), if session.is_cluster() => {
                if session.change_detection == ChangeDetection::Tracking
                    && let Err(error) = start_tracking(&session.client).await
                {
                    return error;
                }
                pushes.registry.flag_all();
            }
        }
    }
}

async fn flag_invalidated(registry: &Registry, pushes: &mut Receiver<Invalidation>) -> Error {
    loop {
        match pushes.recv().await {
            Ok(push) => {
                let keys = push.keys.iter().filter_map(|key| key.as_str());
                keys.for_each(|key| registry.flag(key));
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::info!(missed, "pushes came faster than they were read");
                registry.flag_all();
            }
            Err(RecvError::Closed) => {
                return Error::new(ErrorKind::Canceled, "the client was closed");
            }
        }
    }
}

/// Why fred's task ended.
fn end_reason(ended: Result<Result<(), Error>, tokio::task::JoinError>) -> Error {
    match ended {
        Ok(Err(error)) => error,
        Ok(Ok(())) | Err(_) => Error::new(ErrorKind::IO, "the connection was closed"),
    }
}

#[cfg(test)]
mod tests {
    use fred::types::config::Server;
    use tokio::sync::broadcast::channel;

    use super::*;

    #[tokio::test]
    async fn lost_pushes_flag_everything() {
        let registry = Arc::new(Registry::default());
        let handles = ["a", "b", "c", "d"].map(|key| registry.watch(key.into()));
        handles.iter().for_each(|handle| handle.flag.lower());
        // Room for two of the four that come before anybody reads them.
        let (sender, mut pushes) = channel(2);
        for key in ["a", "b", "c", "d"] {
            let push = Invalidation {
                keys: vec![key.into()],
                server: Server::new("localhost", 6379),
            };
            sender.send(push).unwrap();
        }
        drop(sender);
        flag_invalidated(&registry, &mut pushes).await;
        assert_eq!(registry.resyncs(), 1);
        for handle in &handles {
            handle.flag.wait().await;
        }
    }

    #[tokio::test]
    async fn a_push_flags_only_its_keys() {
        let registry = Arc::new(Registry::default());
        let handle = registry.watch("a".into());
        handle.flag.lower();
        let (sender, mut pushes) = channel(2);
        let push = Invalidation {
            keys: vec!["b".into()],
            server: Server::new("localhost", 6379),
        };
        sender.send(push).unwrap();
        drop(sender);
        flag_invalidated(&registry, &mut pushes).await;
        assert_eq!(registry.resyncs(), 0);
        assert!(!handle.flag.is_raised());
    }
}
