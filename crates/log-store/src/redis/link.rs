//! One connection to Redis (one a node, in a cluster), made again for ever, and what may be asked over it.
//!
//! A connection is a *session*: it is made, used, and never repaired. When it ends, the link makes the next one. So no
//! command is ever sent twice, none waits in a queue for a server that is away, and what must be set up on a connection
//! is set up on every one. See [`super::fred_client`] for what that saves us from.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::types::config::Config;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::fault::Fault;
use super::fred_client::Live;
use super::owned_task::AbortOnDrop;
use super::role::Role;
use super::session::Session;

/// How many operations of one link are under way at most; further ones wait their turn, first come, first served. It
/// also paces what follows a reconnection, when everything watched is read again.
///
/// An operation that was given up keeps its turn until the server is done with it. Otherwise a server that is too slow
/// would be given more and more to do that nobody waits for any more.
const MAX_UNDER_WAY: usize = 256;

/// The pause after a connection ended or could not be made; it doubles up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(20);

/// Half of what is promised as the longest (2 s), because making a connection takes time too.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A connection that is made again for ever. Ends with its last user.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    _task: AbortOnDrop<()>,
}

#[derive(Debug)]
struct Shared {
    /// The session that can be used now.
    session: watch::Sender<Option<Session>>,
    /// Turns to send.
    turns: Arc<Semaphore>,
    /// The longest an operation may take.
    deadline: Duration,
    /// Why there is no session, as the last attempt said.
    last_error: Mutex<Option<fred::error::Error>>,
    /// How many sessions there were.
    sessions: AtomicU64,
}

impl Link {
    /// Begins to connect in the background.
    pub(super) fn start(config: Config, deadline: Duration, role: Role) -> Self {
        let shared = Arc::new(Shared {
            session: watch::Sender::new(None),
            turns: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            deadline,
            last_error: Mutex::new(None),
            sessions: AtomicU64::new(0),
        });
        let task = tokio::spawn(keep_connected(Arc::clone(&shared), config, role));
        Self {
            shared,
            _task: AbortOnDrop(task),
        }
    }

    /// Reads something. If the connection breaks meanwhile, the read is repeated on the next one; all within the
    /// deadline.
    pub(super) async fn read<T, F, A>(&self, mut attempt: A) -> Result<T, Fault>
    where
        A: FnMut(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let end = Instant::now() + self.shared.deadline;
        let mut turn = self.turn().await?;
        let mut used = 0;
        loop {
            let session = self.session(end, used).await?;
            used = session.number;
            turn.begins(&session);
            match timeout_at(end, attempt(session)).await {
                Ok(Err(Fault::Lost(_))) => turn.ends(),
                Ok(done) => {
                    turn.ends();
                    return done;
                }
                Err(_) => return Err(self.late()),
            }
        }
    }

    /// Writes something: tried once, because a lost answer does not mean that nothing was written.
    pub(super) async fn write<T, F, A>(&self, attempt: A) -> Result<T, Fault>
    where
        A: FnOnce(Session) -> F,
        F: Future<Output = Result<T, Fault>>,
    {
        let end = Instant::now() + self.shared.deadline;
        let mut turn = self.turn().await?;
        let session = self.session(end, 0).await?;
        turn.begins(&session);
        let Ok(done) = timeout_at(end, attempt(session)).await else {
            return Err(self.late());
        };
        turn.ends();
        done
    }

    /// The session there is now, if there is one.
    pub(super) fn current(&self) -> Option<Session> {
        self.shared.session.borrow().clone()
    }

    /// Follows which session there is.
    pub(super) fn sessions(&self) -> watch::Receiver<Option<Session>> {
        self.shared.session.subscribe()
    }

    /// Why there is no session.
    pub(super) fn last_error(&self) -> Option<fred::error::Error> {
        self.shared.last_error().clone()
    }

    /// Waits for a turn, for half of the deadline at most: who is let in should also get done.
    async fn turn(&self) -> Result<Turn, Fault> {
        let turns = Arc::clone(&self.shared.turns);
        let permit = timeout(self.shared.deadline / 2, turns.acquire_owned()).await;
        // The semaphore is never closed.
        let permit = permit.ok().and_then(Result::ok).ok_or(Fault::Crowded)?;
        Ok(Turn {
            permit: Some(permit),
            under_way: None,
        })
    }

    /// Waits for a session after number `used`.
    async fn session(&self, end: Instant, used: u64) -> Result<Session, Fault> {
        let mut sessions = self.shared.session.subscribe();
        let is_newer = |s: &Option<Session>| s.as_ref().is_some_and(|s| s.number > used);
        let newer = timeout_at(end, sessions.wait_for(is_newer)).await;
        let session = newer.ok().and_then(Result::ok).and_then(|s| s.clone());
        session.ok_or_else(|| self.late())
    }

    fn late(&self) -> Fault {
        let last = match self.current() {
            Some(_) => None,
            None => self.last_error().map(|error| error.to_string()),
        };
        Fault::Late {
            after: self.shared.deadline,
            last,
        }
    }
}

/// The right to have one operation under way.
struct Turn {
    permit: Option<OwnedSemaphorePermit>,
    /// Where an operation is under way.
    under_way: Option<Session>,
}

impl Turn {
    fn begins(&mut self, session: &Session) {
        self.under_way = Some(session.clone());
    }

    fn ends(&mut self) {
        self.under_way = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (Some(session), Ok(runtime)) = (self.under_way.take(), Handle::try_current()) else {
            return;
        };
        let permit = self.permit.take();
        runtime.spawn(async move {
            session.has_caught_up().await;
            drop(permit);
        });
    }
}

impl Shared {
    fn last_error(&self) -> MutexGuard<'_, Option<fred::error::Error>> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes one session after the other.
async fn keep_connected(shared: Arc<Shared>, config: Config, role: Role) {
    let mut pause = MIN_PAUSE;
    let mut knows_resp3 = true;
    // The ends of the last session at the servers.
    let mut former = Vec::new();
    loop {
        let number = shared.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        let connecting = async {
            let live = Live::connect(&config, &role, knows_resp3, number, shared.deadline).await?;
            live.supersede(&former).await?;
            Ok(live)
        };
        let error = match connecting.await {
            Ok(mut live) => {
                former = std::mem::take(&mut live.peers);
                *shared.last_error() = None;
                pause = MIN_PAUSE;
                shared.session.send_replace(Some(live.session.clone()));
                // Strictly after the session is there for all: whoever reads from now on reads, and arms, on it; and
                // whoever has read before is told to read again.
                live.begin();
                let error = live.until_lost().await;
                shared.session.send_replace(None);
                error
            }
            Err(error) => {
                knows_resp3 = knows_resp3 && !super::fred_client::lacks_resp3(&error);
                error
            }
        };
        // Once an outage is loud enough.
        if shared.last_error().replace(error.clone()).is_none() {
            tracing::warn!(%error, "no connection to Redis; trying again");
        } else {
            tracing::debug!(%error, "still no connection to Redis");
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
