//! One connection to a Redis server, which is made again for ever.
//!
//! Each time it is made it is a new *session*: connected, set up, used, and never repaired. When a session ends, the next
//! one is made. So no command is sent twice, none waits in a queue for a server that is away, and what must be set up on a
//! connection is set up on every one. See [`super::client`] for the problems that this avoids.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use fred::error::{Error, ErrorKind};
use fred::types::config::Server;
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use super::client::ConnectedClient;
use super::error_text;
use super::fault::{Fault, is_not_offered};
use super::node_options::NodeOptions;
use super::role::Role;
use super::session::{ChangeDetection, Session};
use super::tasks::spawn_background;

/// How many operations of one connection are under way at most. Further ones wait, first come, first served. This also
/// limits the reads after a reconnection, when everything watched is read again.
///
/// An operation whose caller gave up keeps its permit until the server has answered it. Otherwise a server that is too slow
/// would get more and more commands that nobody waits for.
const MAX_UNDER_WAY: usize = 256;

/// The first pause after a session ended or could not be made. It doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// Half of the longest pause that is promised (2 s), because connecting takes time too.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A connection that is made again for ever. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    inner: Arc<ConnectionInner>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct ConnectionInner {
    /// The session that can be used now.
    session: watch::Sender<Option<Session>>,
    /// Permits for operations.
    permits: Arc<Semaphore>,
    /// The longest time that an operation may take.
    deadline: Duration,
    /// Why there is no session, as the last attempt said.
    last_error: Mutex<Option<Error>>,
    /// How many sessions there were.
    sessions: AtomicU64,
    /// Short tasks that finish operations whose callers gave up, and that send batches.
    tasks: TaskTracker,
}

impl Connection {
    /// Begins to connect in the background, to the server that `target` names.
    pub(super) fn start(
        target: watch::Receiver<Option<Server>>,
        options: &NodeOptions,
        role: Role,
        server_is_back: Arc<Notify>,
    ) -> Self {
        let inner = Arc::new(ConnectionInner {
            session: watch::Sender::new(None),
            permits: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            deadline: options.deadline,
            last_error: Mutex::new(None),
            sessions: AtomicU64::new(0),
            tasks: TaskTracker::new(),
        });
        let task = keep_connected(
            Arc::clone(&inner),
            target,
            options.clone(),
            role,
            server_is_back,
        );
        Self {
            inner,
            _task: spawn_background("connection", task),
        }
    }

    /// Reads something. If the connection breaks meanwhile, the read is repeated on the next session, all within the
    /// deadline.
    pub(super) async fn read<T, F, A>(&self, attempt: A) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let end = Instant::now() + self.inner.deadline;
        self.read_until(end, attempt).await
    }

    /// Reads something until a moment.
    pub(super) async fn read_until<T, F, A>(&self, end: Instant, mut attempt: A) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut permit = self.permit().await?;
        let mut used = 0;
        loop {
            let session = self.session_after(used, end).await?;
            used = session.number;
            permit.begin(&session);
            // fred may never answer a command that it got at the moment at which the connection was lost.
            let answer = tokio::select! {
                biased;
                answer = timeout_at(end, attempt(session)) => answer,
                lost = self.session_lost(used) => Ok(Err(lost)),
            };
            match answer {
                Ok(Err(Fault::ConnectionLost(_))) => permit.end(),
                Ok(Err(Fault::Garbled(what))) => {
                    permit.distrust(what);
                    permit.end();
                }
                Ok(done) => {
                    permit.end();
                    return done;
                }
                Err(_) => return Err(self.deadline_exceeded()),
            }
        }
    }

    /// Writes something until a moment. It is tried once, because a lost answer does not mean that nothing was written. A
    /// server that takes no writes is no longer the right one: its connection is ended.
    pub(super) async fn write_until<T, F, A>(&self, end: Instant, attempt: A) -> Result<T, Fault>
    where
        A: FnOnce(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let mut permit = self.permit().await?;
        let session = self.session_after(0, end).await?;
        permit.begin(&session);
        let Ok(done) = timeout_at(end, attempt(session)).await else {
            return Err(self.deadline_exceeded());
        };
        match &done {
            Err(Fault::Garbled(what)) => permit.distrust(what),
            Err(fault) if fault.is_read_only() => self.end_session(),
            _ => {}
        }
        permit.end();
        done
    }

    /// The session that there is now.
    pub(super) fn current(&self) -> Option<Session> {
        self.inner.session.borrow().clone()
    }

    /// Follows which session there is.
    pub(super) fn sessions(&self) -> watch::Receiver<Option<Session>> {
        self.inner.session.subscribe()
    }

    /// Ends the session that there is, so that another one is made.
    pub(super) fn end_session(&self) {
        if let Some(session) = &*self.inner.session.borrow() {
            session.end();
        }
    }

    /// Waits until there is a session.
    pub(super) async fn wait_until_connected(&self) {
        let mut sessions = self.sessions();
        // The sender lives as long as this connection.
        sessions.wait_for(Option::is_some).await.ok();
    }

    /// Whether the server pushes changes; `None` while there is no session.
    pub(super) fn tracks(&self) -> Option<bool> {
        let session = self.inner.session.borrow();
        let tracks = |session: &Session| session.change_detection == ChangeDetection::Tracking;
        session.as_ref().map(tracks)
    }

    /// Why there is no session.
    pub(super) fn last_error(&self) -> Option<Error> {
        self.inner.last_error.lock().clone()
    }

    /// Waits for a permit, for half of the deadline at most, so that time is left for the operation itself.
    async fn permit(&self) -> Result<OperationPermit, Fault> {
        let permits = Arc::clone(&self.inner.permits);
        let permit = timeout(self.inner.deadline / 2, permits.acquire_owned()).await;
        // The semaphore is never closed.
        let permit = permit.ok().and_then(Result::ok);
        Ok(OperationPermit {
            permit: Some(permit.ok_or(Fault::TooManyOperations)?),
            under_way: None,
            tasks: self.inner.tasks.clone(),
        })
    }

    /// Waits for a session after number `used`.
    async fn session_after(&self, used: u64, end: Instant) -> Result<Session, Fault> {
        let mut sessions = self.inner.session.subscribe();
        let is_newer = |s: &Option<Session>| s.as_ref().is_some_and(|s| s.number > used);
        let newer = timeout_at(end, sessions.wait_for(is_newer)).await;
        let session = newer.ok().and_then(Result::ok).and_then(|s| s.clone());
        session.ok_or_else(|| self.deadline_exceeded())
    }

    /// Waits until session `number` is lost.
    async fn session_lost(&self, number: u64) -> Fault {
        let mut sessions = self.inner.session.subscribe();
        let is_lost = |s: &Option<Session>| s.as_ref().is_none_or(|s| s.number != number);
        sessions.wait_for(is_lost).await.ok();
        Fault::ConnectionLost(Error::new(ErrorKind::Canceled, "the session has ended"))
    }

    fn deadline_exceeded(&self) -> Fault {
        let last = match self.current() {
            Some(_) => None,
            None => self.last_error().map(|error| error_text::text(&error)),
        };
        Fault::DeadlineExceeded {
            after: self.inner.deadline,
            last,
        }
    }
}

/// The permit of one operation. Where the operation was given up, it is kept until the server has answered.
struct OperationPermit {
    permit: Option<OwnedSemaphorePermit>,
    /// The session on which the operation is under way.
    under_way: Option<Session>,
    tasks: TaskTracker,
}

impl OperationPermit {
    fn begin(&mut self, session: &Session) {
        self.under_way = Some(session.clone());
    }

    fn end(&mut self) {
        self.under_way = None;
    }

    /// Ends the session: a reply on it belonged to something else.
    fn distrust(&self, what: &'static str) {
        if let Some(session) = &self.under_way {
            tracing::error!(what, "a reply of Redis does not belong to its command");
            session.end();
        }
    }
}

impl Drop for OperationPermit {
    fn drop(&mut self) {
        let (Some(session), Ok(runtime)) =
            (self.under_way.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let permit = self.permit.take();
        let finish = async move {
            session.wait_until_caught_up().await;
            drop(permit);
        };
        self.tasks.spawn_on(finish, &runtime);
    }
}

/// Makes one session after the other.
async fn keep_connected(
    inner: Arc<ConnectionInner>,
    mut target: watch::Receiver<Option<Server>>,
    options: NodeOptions,
    role: Role,
    server_is_back: Arc<Notify>,
) {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(MIN_PAUSE)
        .with_max_delay(MAX_PAUSE)
        .without_max_times();
    let mut pauses = backoff.build();
    let mut use_resp3 = true;
    // The last session's end of the connection at the server.
    let mut former = None;
    loop {
        let Some(server) = named_server(&mut target).await else {
            return;
        };
        let number = inner.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        let connecting = async {
            let (deadline, tasks) = (inner.deadline, inner.tasks.clone());
            let server = server.clone();
            let client = ConnectedClient::connect(
                &options.config,
                server,
                &role,
                use_resp3,
                number,
                deadline,
                tasks,
            )
            .await?;
            if options.must_be_primary {
                client.refuse_replica().await?;
            }
            client.end_former(former.as_ref()).await?;
            Ok(client)
        };
        let error = match connecting.await {
            Ok(mut client) => {
                former = client.peer.take();
                *inner.last_error.lock() = None;
                server_is_back.notify_waiters();
                inner.session.send_replace(Some(client.session.clone()));
                // Only now, when everybody has the new session: reads from now on use it, and earlier readers read again.
                client.flag_share();
                let begun = Instant::now();
                let error = tokio::select! {
                    error = client.run_until_lost() => error,
                    () = other_server(&mut target, &server) => {
                        Error::new(ErrorKind::Canceled, "another server is the primary now")
                    }
                };
                inner.session.send_replace(None);
                // A session that had to be ended at once does not mean that the next one is better.
                if begun.elapsed() > MAX_PAUSE {
                    pauses = backoff.build();
                }
                // The next server, or proxy, may know RESP3.
                use_resp3 = true;
                error
            }
            Err(error) => {
                use_resp3 = use_resp3 && !is_not_offered(&error);
                error
            }
        };
        // One warning for an outage is enough.
        if inner.last_error.lock().replace(error.clone()).is_none() {
            tracing::warn!(%error, %server, "no connection to Redis; trying again");
        } else {
            tracing::debug!(%error, %server, "still no connection to Redis");
        }
        // The other connection to this server may come back during the pause, and then this one can.
        let pause = pauses.next().unwrap_or(MAX_PAUSE);
        timeout(pause, server_is_back.notified()).await.ok();
    }
}

/// The server to connect to, as soon as one is named. `None` when nobody will name one.
async fn named_server(target: &mut watch::Receiver<Option<Server>>) -> Option<Server> {
    let named = target.wait_for(Option::is_some).await;
    named.ok().and_then(|server| server.clone())
}

/// Returns when another server is named.
async fn other_server(target: &mut watch::Receiver<Option<Server>>, server: &Server) {
    let is_other = |named: &Option<Server>| named.as_ref().is_some_and(|named| named != server);
    if target.wait_for(is_other).await.is_err() {
        // Nobody will name another one.
        std::future::pending::<()>().await;
    }
}
