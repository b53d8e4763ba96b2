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
//! | the push of a flush (`FLUSHALL`) is dropped | [`super::server_watch`] asks once a second; the sweep finds what else Redis does not push |
//! | pushes go through a channel of 32; a slow reader loses them | room for [`PUSHES`], and lost pushes flag everything |
//! | its router for clusters gives replies to the wrong commands where a slot moves, and so does a reply that looks like a message of a subscription | [`super::cluster`] does without that router; [`super::question`] notices |
//! | its Sentinel client asks one Sentinel after the other, and waits for a silent one | [`super::sentinel`] asks all |
//! | a password goes into `HELLO` as it is: one with a space is cut, one with a line break is a second command | it connects by RESP2, whose `AUTH` is an array of strings, and asks for RESP3 after that |
//! | without a password it begins with a `PING`, which Redis refuses while it cannot save its database | it is tried again with `AUTH` in its place |
//! | a frozen server is not noticed, less so while commands are written (each restarts its clock) | a heartbeat of our own each second; one without an answer ends the session |

use std::sync::Arc;
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::interfaces::{AuthInterface, ClientLike, EventInterface, TrackingInterface};
use fred::types::RespVersion;
use fred::types::client::Invalidation;
use fred::types::config::{
    Config, ConnectionConfig, PerformanceConfig, Server, ServerConfig, TcpConfig,
    UnresponsiveConfig,
};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep, timeout};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::batcher::Batcher;
use super::fault::{Fault, is_not_offered, is_unable_to_save};
use super::options::WatchMode;
use super::peer::Peer;
use super::question::Command;
use super::registry::Registry;
use super::role::Role;
use super::session::{ChangeDetection, PATIENCE, Session, timed_out};
use super::share::Share;
use super::token::TokenCommand;

/// Room for pushes that were not read yet. fred allocates all of it at once, nine times over (one channel for each kind of
/// event): 4,096 costs 5 MB and covers 200 ms at 20,000 changes a second.
const PUSHES: usize = 4096;

/// How often a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A client from its making to the end of its connection.
pub(super) struct ConnectedClient {
    pub(super) session: Session,
    server: Server,
    /// fred's task, which holds the sockets.
    task: AbortOnDropHandle<Result<(), Error>>,
    /// Where changes are flagged.
    pushes: Option<Pushes>,
    /// The connection as the server knows it, where it may write.
    pub(super) peer: Option<Peer>,
}

/// What the server tells by itself.
struct Pushes {
    registry: Arc<Registry>,
    share: Share,
    invalidations: Receiver<Invalidation>,
}

impl ConnectedClient {
    /// Connects to a server and sets the connection up.
    pub(super) async fn connect(
        config: &Config,
        server: Server,
        role: &Role,
        use_resp3: bool,
        number: u64,
        deadline: Duration,
        tasks: TaskTracker,
    ) -> Result<Self, Error> {
        let connect = async |config: &Config| {
            let (server, tasks) = (server.clone(), tasks.clone());
            Self::try_to_connect(config, server, role, use_resp3, number, deadline, tasks).await
        };
        match connect(config).await {
            Err(error) => match without_ping(config, &error) {
                Some(config) => connect(&config).await.map_err(|_| error),
                None => Err(error),
            },
            done => done,
        }
    }

    async fn try_to_connect(
        config: &Config,
        server: Server,
        role: &Role,
        use_resp3: bool,
        number: u64,
        deadline: Duration,
        tasks: TaskTracker,
    ) -> Result<Self, Error> {
        let wants_tracking =
            matches!(role, Role::Watching { mode, .. } if *mode != WatchMode::Poll);
        let resp3 = wants_tracking && use_resp3;
        let mut config = config.clone();
        config.server = ServerConfig::Centralized {
            server: server.clone(),
        };
        let client = new_client(config, role, deadline.min(PATIENCE));
        // Before it connects, so that no push is missed.
        let pushes = match role {
            Role::Watching {
                registry, share, ..
            } => Some(Pushes {
                registry: Arc::clone(registry),
                share: share.clone(),
                invalidations: client.invalidation_rx(),
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
            let proofs = timeout(PATIENCE, find_proofs(&client)).await;
            let proofs = proofs.unwrap_or_else(|_| Err(timed_out()))?;
            let change_detection = set_up(&client, role, resp3).await?;
            let peer = match role {
                Role::Watching { .. } => None,
                Role::Commands => Peer::find(&client, &server).await?,
            };
            Ok::<_, Error>((change_detection, proofs, peer))
        };
        // fred may never answer a command of a connection that is lost at this moment.
        let (change_detection, (token_command, has_transactions), peer) = tokio::select! {
            done = set_up => done?,
            ended = &mut task => return Err(end_reason(ended)),
        };
        let batcher = match role {
            Role::Watching { share, .. } => Some(Batcher::new(tasks, share.batch_pause())),
            Role::Commands => None,
        };
        let session = Session::new(
            number,
            change_detection,
            client,
            token_command,
            has_transactions,
            batcher,
        );
        Ok(Self {
            session,
            server,
            task,
            pushes,
            peer,
        })
    }

    /// Ends former connections at the server before this one is used. Commands that are still on their way over them are
    /// then never carried out. So a read after a failed write sees for good what that write has done (A5 of
    /// [`crate::LogAppend`]).
    pub(super) async fn end_former(&self, former: Option<&Peer>) -> Result<(), Error> {
        let client = &self.session.client;
        if let Some(peer) = former {
            match timeout(PATIENCE, peer.end(client, &self.server)).await {
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

    /// Refuses a server that says that it is a replica.
    pub(super) async fn refuse_replica(&self) -> Result<(), Error> {
        let info = self.session.call(Command::new("INFO", ["replication"]));
        let info = timeout(PATIENCE, info).await;
        let info = info.unwrap_or_else(|_| Err(timed_out()))?;
        let info = info.as_str().unwrap_or_default();
        if info.lines().any(|line| line.trim() == "role:slave") {
            return Err(Error::new(ErrorKind::Sentinel, "the server is a replica"));
        }
        Ok(())
    }

    /// Flags everything watched that this server serves: what happened before this connection was there is unknown.
    pub(super) fn flag_share(&self) {
        if let Some(pushes) = &self.pushes {
            pushes.registry.flag_share(&pushes.share);
        }
    }

    /// Flags what the server pushes, until the connection is lost.
    pub(super) async fn run_until_lost(mut self) -> Error {
        let session = self.session;
        tokio::select! {
            ended = &mut self.task => end_reason(ended),
            error = watch_heartbeat(&session) => error,
            () = session.ended() => Error::new(ErrorKind::Protocol, "the connection was ended"),
            error = flag_pushed(self.pushes.as_mut()) => error,
        }
    }
}

fn is_lost(error: &Error) -> bool {
    matches!(Fault::from(error.clone()), Fault::ConnectionLost(_))
}

/// What to try when a connection was refused because fred begins it with a `PING`, as it does without a password. The default
/// user has none then, so that any is right for it. Whoever tries it tells the first error if that fails, too.
fn without_ping(config: &Config, error: &Error) -> Option<Config> {
    if config.password.is_some() || !is_unable_to_save(error) {
        return None;
    }
    let mut config = config.clone();
    config.username = Some("default".to_owned());
    config.password = Some("none".to_owned());
    Some(config)
}

fn new_client(mut config: Config, role: &Role, patience: Duration) -> Client {
    config.version = RespVersion::RESP2;
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

/// Finds out how answers can show which question they belong to: by which command, and whether in transactions.
async fn find_proofs(client: &Client) -> Result<(TokenCommand, bool), Error> {
    let token_command = Session::find_token_command(client).await?;
    let has_transactions = Session::takes_transactions(client, token_command).await?;
    Ok((token_command, has_transactions))
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
    let hello = client.hello(RespVersion::RESP3, None, None);
    let hello = timeout(PATIENCE, hello).await;
    // Where it is refused, the next attempt does without.
    hello.unwrap_or_else(|_| Err(timed_out()))?;
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

/// Returns when a heartbeat gets no answer.
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
async fn flag_pushed(pushes: Option<&mut Pushes>) -> Error {
    let Some(pushes) = pushes else {
        return std::future::pending().await;
    };
    flag_invalidated(&pushes.registry, &pushes.share, &mut pushes.invalidations).await
}

async fn flag_invalidated(
    registry: &Registry,
    share: &Share,
    pushes: &mut Receiver<Invalidation>,
) -> Error {
    loop {
        match pushes.recv().await {
            Ok(push) => {
                let keys = push.keys.iter().filter_map(|key| key.as_str());
                keys.for_each(|key| registry.flag(key));
            }
            Err(RecvError::Lagged(missed)) => {
                tracing::info!(missed, "pushes came faster than they were read");
                registry.flag_share(share);
            }
            Err(RecvError::Closed) => {
                return Error::new(ErrorKind::Canceled, "the client was closed");
            }
        }
    }
}

/// A connected client for a few commands: without watches, and without anybody who makes it again. Its connection ends with
/// the handle.
pub(super) async fn single_client(
    config: Config,
    server: &Server,
) -> Result<(Client, AbortOnDropHandle<Result<(), Error>>), Error> {
    match try_single_client(config.clone(), server).await {
        Err(error) => match without_ping(&config, &error) {
            Some(config) => (try_single_client(config, server).await).map_err(|_| error),
            None => Err(error),
        },
        done => done,
    }
}

async fn try_single_client(
    mut config: Config,
    server: &Server,
) -> Result<(Client, AbortOnDropHandle<Result<(), Error>>), Error> {
    config.server = ServerConfig::Centralized {
        server: server.clone(),
    };
    let client = new_client(config, &Role::Commands, PATIENCE);
    let mut connected = client.reconnect_rx();
    let mut task = AbortOnDropHandle::new(client.connect());
    tokio::select! {
        _ = connected.recv() => Ok((client, task)),
        ended = &mut task => Err(end_reason(ended)),
        () = sleep(2 * PATIENCE) => Err(timed_out()),
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
    use tokio::sync::broadcast::channel;

    use super::*;

    #[tokio::test]
    async fn lost_pushes_flag_everything() {
        let registry = Arc::new(Registry::default());
        let handles = ["a", "b", "c", "d"].map(|key| registry.watch(key.into()));
        for handle in &handles {
            handle.flag.lower();
        }
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
        flag_invalidated(&registry, &Share::Everything, &mut pushes).await;
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
        flag_invalidated(&registry, &Share::Everything, &mut pushes).await;
        assert_eq!(registry.resyncs(), 0);
        assert!(!handle.flag.is_raised());
    }
}
