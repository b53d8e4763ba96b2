//! The one place that knows fred's ways.
//!
//! fred 10.1 is a good parser, router and pipeliner; what it does around a lost connection does not fit us. Each point
//! below was seen on a live server or read in its source, and each has a test (in `tests/redis/fred.rs`).
//!
//! | fred | here |
//! |---|---|
//! | tracking is off after a reconnection, silently | every connection is a new client, tracking is switched on before it is used |
//! | a command that was under way is sent again, an `XADD` twice | no reconnection by fred, one attempt; only reads are repeated, by [`super::link`] |
//! | commands given while it is away pile up without bound; its bounded queue, once full, loses count and stops flushing | nothing is given to it while there is no session; [`super::link`] bounds what is under way |
//! | the push of a flush (`FLUSHALL`) is dropped | [`super::flushes`] asks once a second; the sweep finds what else Redis does not push |
//! | pushes go through a channel of 32, and a reader that lags loses them | room for [`PUSHES`], and a lag flags everything |
//! | a frozen server is not noticed, less so while commands are written (each restarts its clock) | a `PING` a second of our own; one without an answer ends the session |

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

use super::fault::Fault;
use super::options::WatchMode;
use super::owned_task::AbortOnDrop;
use super::peer::Peer;
use super::registry::Registry;
use super::role::Role;
use super::session::{Noticed, PATIENCE, Session, timed_out};

/// Room for pushes that were not looked at yet. fred takes the memory for all of it at once, nine times over (one
/// channel each kind of event); 4,096 costs 5 MB and covers 200 ms at 20,000 changes a second.
const PUSHES: usize = 4096;

/// How often a `PING` is sent.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A connection from its making to its end.
pub(super) struct Live {
    pub(super) session: Session,
    /// fred's task, which holds the sockets.
    task: AbortOnDrop<Result<(), Error>>,
    /// Where changes are flagged.
    tail: Option<Tail>,
    /// Its ends at the servers, where it may write. In a cluster those of the nodes there were at first.
    pub(super) peers: Vec<Peer>,
}

struct Tail {
    registry: Arc<Registry>,
    pushes: Receiver<Invalidation>,
    moves: Receiver<Vec<ClusterStateChange>>,
}

impl Live {
    /// Makes a connection and sets it up.
    pub(super) async fn connect(
        config: &Config,
        role: &Role,
        knows_resp3: bool,
        number: u64,
        deadline: Duration,
    ) -> Result<Self, Error> {
        let wants_tracking = match role {
            Role::Tail { watch, .. } => *watch != WatchMode::Poll,
            Role::Commands | Role::Ahead => false,
        };
        let resp3 = wants_tracking && knows_resp3;
        let client = new_client(config.clone(), role, resp3, deadline.min(PATIENCE));
        // Before the connection is there, so that nothing it says is missed.
        let tail = match role {
            Role::Tail { registry, .. } => Some(Tail {
                registry: Arc::clone(registry),
                pushes: client.invalidation_rx(),
                moves: client.cluster_change_rx(),
            }),
            Role::Commands | Role::Ahead => None,
        };
        let mut task = AbortOnDrop(client.connect());
        let mut made = client.reconnect_rx();
        tokio::select! {
            _ = made.recv() => {}
            ended = &mut task.0 => return Err(end_of(ended)),
            () = sleep(2 * PATIENCE) => return Err(timed_out()),
        }
        answered(&client).await?;
        let noticed = set_up(&client, role, resp3).await?;
        let peers = match role {
            Role::Tail { .. } | Role::Ahead => Vec::new(),
            Role::Commands => Peer::all(&client).await?,
        };
        let gathers = matches!(role, Role::Tail { .. }) && !client.is_clustered();
        Ok(Self {
            session: Session::new(number, noticed, client, gathers),
            task,
            tail,
            peers,
        })
    }

    /// Ends a connection that was given up, before this one is used: what still lies in a buffer on its way, or in the
    /// server's own, is never carried out. So who reads after a write has failed sees what that write has done, whole
    /// and for good (A5 of [`crate::LogAppend`]).
    pub(super) async fn supersede(&self, former: &[Peer]) -> Result<(), Error> {
        let client = &self.session.client;
        for peer in former {
            match timeout(PATIENCE, peer.end(client)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if matches!(Fault::from(error.clone()), Fault::Lost(_)) => {
                    return Err(error);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "a connection that was given up may still write");
                }
                Err(_) => return Err(timed_out()),
            }
        }
        Ok(())
    }

    /// Flags everything: what happened before this connection was there is unknown.
    pub(super) fn begin(&self) {
        if let Some(tail) = &self.tail {
            tail.registry.flag_all();
        }
    }

    /// Passes on what the server pushes until the connection is lost.
    pub(super) async fn until_lost(mut self) -> Error {
        let session = self.session;
        tokio::select! {
            ended = &mut self.task.0 => end_of(ended),
            error = watch_heartbeat(&session) => error,
            error = pass_on(&session, self.tail.as_mut()) => error,
        }
    }
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
            Role::Tail { .. } => PUSHES,
            Role::Commands | Role::Ahead => 16,
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

/// Asks for a first answer. A connection that was only just accepted may belong to a server that is frozen.
async fn answered(client: &Client) -> Result<(), Error> {
    let pong = timeout(PATIENCE, client.ping::<()>(None)).await;
    match pong.unwrap_or_else(|_| Err(timed_out())) {
        Err(error) if matches!(Fault::from(error.clone()), Fault::Lost(_)) => Err(error),
        // Even a server that refuses has answered; what it refuses, each command will say.
        _ => Ok(()),
    }
}

/// Switches tracking on where it is wanted and allowed.
async fn set_up(client: &Client, role: &Role, resp3: bool) -> Result<Noticed, Error> {
    let Role::Tail { watch, .. } = role else {
        return Ok(Noticed::Never);
    };
    if !resp3 {
        return match watch {
            WatchMode::Tracking => Err(Error::new(ErrorKind::Config, NO_RESP3)),
            WatchMode::Auto | WatchMode::Poll => Ok(Noticed::ByPolling),
        };
    }
    match track(client).await {
        Ok(()) => Ok(Noticed::ByTracking),
        Err(error) => match (Fault::from(error.clone()), watch) {
            (Fault::Refused(_), WatchMode::Auto) => {
                tracing::info!(%error, "the server refuses tracking; polling instead");
                Ok(Noticed::ByPolling)
            }
            _ => Err(error),
        },
    }
}

const NO_RESP3: &str = "the server does not know RESP3, so it cannot track";

async fn track(client: &Client) -> Result<(), Error> {
    let no_prefixes: Vec<String> = Vec::new();
    let on = client.start_tracking(no_prefixes, false, false, false, false);
    timeout(PATIENCE, on)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// Whether a connection could not be made because the server, or a proxy before it, does not know `HELLO 3`.
pub(super) fn lacks_resp3(error: &Error) -> bool {
    let text = error.details();
    text.starts_with("NOPROTO") || text.contains("unknown command")
}

/// Returns when a `PING` gets no answer. In a cluster a plain one would reach one node only.
async fn watch_heartbeat(session: &Session) -> Error {
    loop {
        sleep(HEARTBEAT).await;
        if timeout(PATIENCE, session.has_caught_up()).await.is_err() {
            return timed_out();
        }
    }
}

/// Flags what the server pushes. Returns when that cannot go on.
async fn pass_on(session: &Session, tail: Option<&mut Tail>) -> Error {
    let Some(tail) = tail else {
        return std::future::pending().await;
    };
    loop {
        tokio::select! {
            closed = pass_on_pushes(&tail.registry, &mut tail.pushes) => return closed,
            // A cluster has changed: what is new does not track yet.
            _ = tail.moves.recv(), if session.is_cluster() => {
                if session.noticed == Noticed::ByTracking
                    && let Err(error) = track(&session.client).await
                {
                    return error;
                }
                tail.registry.flag_all();
            }
        }
    }
}

async fn pass_on_pushes(registry: &Registry, pushes: &mut Receiver<Invalidation>) -> Error {
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
fn end_of(ended: Result<Result<(), Error>, tokio::task::JoinError>) -> Error {
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
    async fn a_lag_flags_everything() {
        let registry = Arc::new(Registry::default());
        let seats = ["a", "b", "c", "d"].map(|key| registry.take_seat(key.into()));
        seats.iter().for_each(|seat| seat.slot.begin_read());
        // Room for two, of the four that come before anybody looks.
        let (sender, mut pushes) = channel(2);
        for key in ["a", "b", "c", "d"] {
            let push = Invalidation {
                keys: vec![key.into()],
                server: Server::new("localhost", 6379),
            };
            sender.send(push).unwrap();
        }
        drop(sender);
        pass_on_pushes(&registry, &mut pushes).await;
        assert_eq!(registry.resyncs(), 1);
        for seat in &seats {
            seat.slot.flagged().await;
        }
    }

    #[tokio::test]
    async fn a_push_flags_its_keys_alone() {
        let registry = Arc::new(Registry::default());
        let seat = registry.take_seat("a".into());
        seat.slot.begin_read();
        let (sender, mut pushes) = channel(2);
        let push = Invalidation {
            keys: vec!["b".into()],
            server: Server::new("localhost", 6379),
        };
        sender.send(push).unwrap();
        drop(sender);
        pass_on_pushes(&registry, &mut pushes).await;
        assert_eq!(registry.resyncs(), 0);
        let flagged = timeout(Duration::from_millis(20), seat.slot.flagged()).await;
        assert!(flagged.is_err());
    }
}
