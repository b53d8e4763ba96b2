//! What the routes are made of.

use std::sync::Arc;
use std::time::Duration;

use auth::Verifier;
use auth::webhooks::Webhooks;
use log_hub::{Hub, HubOptions};
use log_store::{Jobs, LogStore, Revocations, RunClaims, Tickets};
use log_wire::ErrorCode;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::access::{Access, AccessOptions, AccessStores};
use crate::error::{ApiError, StateError};
use crate::health::Health;
use crate::ingest::Writes;
use crate::lost_runs;
use crate::supervise::Tasks;
use crate::viewer::ViewerOptions;

/// How many searches run at once, unless set otherwise.
pub const SEARCHES: usize = 4;

/// How long the thread that accepts connections may take to close the listener. It does not tell.
const LISTENER_CLOSES: Duration = Duration::from_millis(100);

/// How long streams that were broken off have to send their last bytes.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// Where a service keeps what it serves.
#[derive(Clone)]
#[non_exhaustive]
pub struct Stores {
    /// Reads lines.
    pub lines: Arc<dyn LogStore>,
    /// Knows who owns a job.
    pub jobs: Arc<dyn Jobs>,
    /// Keeps tickets and revocations.
    pub access: AccessStores,
}

impl Stores {
    /// A store of lines and one of jobs. Tickets and revocations are kept in the memory of this process
    /// ([`AccessStores::local`]), until [`Stores::access`] says where.
    #[must_use]
    pub fn new(lines: Arc<dyn LogStore>, jobs: Arc<dyn Jobs>) -> Self {
        Self {
            lines,
            jobs,
            access: AccessStores::local(),
        }
    }

    /// Sets where tickets and revocations are kept.
    #[must_use]
    pub fn access(self, access: AccessStores) -> Self {
        Self { access, ..self }
    }

    /// One store for everything. Of a Redis this asks for the permissions that docs/REDIS.md names for tickets and
    /// revocations (`log-api:*`). Where nothing is ever revoked, set `access.revocations` to `None`.
    #[must_use]
    pub fn one<S: LogStore + Jobs + Tickets + Revocations>(store: Arc<S>) -> Self {
        Self {
            lines: store.clone(),
            jobs: store.clone(),
            access: AccessStores::shared(store),
        }
    }
}

/// What the routes need, shared by all threads. Another service that mounts the routes brings its own.
#[derive(Clone)]
pub struct AppState {
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Reads history.
    pub store: Arc<dyn LogStore>,
    /// Knows who owns a job.
    pub jobs: Arc<dyn Jobs>,
    /// Serves live logs.
    pub hub: Hub,
    /// The exact origins that browsers may call from.
    pub cors_origins: Arc<[String]>,
    /// Decides who may go on reading, and how many streams may be open.
    pub access: Arc<Access>,
    /// Verifies Clerk's webhooks. `None` if there are none: then there is no route for them.
    pub webhooks: Option<Arc<Webhooks>>,
    /// What is served of the log page. Nothing, unless it is set.
    pub viewer: ViewerOptions,
    /// The writing side. `None` if nobody has a key: then there are no routes for workers.
    pub writes: Option<Arc<Writes>>,
    /// The state of the process.
    pub health: Arc<Health>,
    /// The searches that may still be started: how many run at once is limited.
    pub(crate) searches: Arc<Semaphore>,
    /// Background tasks that live as long as the state.
    pub(crate) tasks: Arc<Tasks>,
}

/// Builds an [`AppState`].
pub struct AppStateBuilder {
    verifier: Arc<Verifier>,
    stores: Stores,
    hub: HubOptions,
    access: AccessOptions,
    searches: usize,
}

impl AppState {
    /// State with the default rules. Feeds and background tasks run on the tokio runtime this is called in.
    ///
    /// # Errors
    /// There is no tokio runtime here.
    pub fn new(verifier: Arc<Verifier>, stores: Stores) -> Result<Self, StateError> {
        Self::builder(verifier, stores).build()
    }

    /// Begins to build state. What is not set has its default.
    #[must_use]
    pub fn builder(verifier: Arc<Verifier>, stores: Stores) -> AppStateBuilder {
        AppStateBuilder {
            verifier,
            stores,
            hub: HubOptions::default(),
            access: AccessOptions::default(),
            searches: SEARCHES,
        }
    }

    /// Ends all streams over `window`, so that their clients do not all come back at once. They come back to another process,
    /// with their cursor. The service is no longer ready from now on.
    ///
    /// Close the listener first, or they come back to this process. Returns when all streams have ended, at most two seconds
    /// after the window. Answers of other kinds are left to the server.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use actix_web::dev::ServerHandle;
    /// # async fn stop(state: log_api::AppState, server: ServerHandle) {
    /// let stopped = server.stop(true); // closes the listener
    /// state.drain(Duration::from_secs(5)).await;
    /// stopped.await;
    /// # }
    /// ```
    pub async fn drain(&self, window: Duration) {
        self.health.drain();
        self.break_streams_off(window).await;
        if timeout(CLOSING, self.access.streams_closed())
            .await
            .is_err()
        {
            tracing::warn!("some clients have not read the end of their streams");
        }
    }

    /// Waits until the listener is closed, and breaks all streams off over `window`.
    pub(crate) async fn break_streams_off(&self, window: Duration) {
        sleep(LISTENER_CLOSES).await;
        self.hub.drain(window).await;
    }

    /// Ends the jobs of workers that were lost, as long as this state lives (rules C1 to C7 of [`RunClaims`]). For a service
    /// whose workers claim their jobs. Any number of processes may do this.
    pub fn end_lost_runs(&self, claims: Arc<dyn RunClaims>) {
        lost_runs::watch(&self.tasks, claims);
    }

    /// The writing side.
    pub(crate) fn writes(&self) -> Result<&Writes, ApiError> {
        let writes = self.writes.as_deref();
        writes.ok_or(ApiError::Code(ErrorCode::RouteNotFound))
    }
}

impl AppStateBuilder {
    /// Sets the options of the hub.
    #[must_use]
    pub fn hub(self, hub: HubOptions) -> Self {
        Self { hub, ..self }
    }

    /// Sets the rules of access.
    #[must_use]
    pub fn access(self, access: AccessOptions) -> Self {
        Self { access, ..self }
    }

    /// Sets how many searches may run at once. Further ones get 429. The default is [`SEARCHES`].
    #[must_use]
    pub fn searches(self, searches: usize) -> Self {
        Self { searches, ..self }
    }

    /// Builds the state, and starts what runs in the background on the tokio runtime this is called in.
    ///
    /// # Errors
    /// There is no tokio runtime here.
    pub fn build(self) -> Result<AppState, StateError> {
        let runtime = Handle::try_current().map_err(|_| StateError::NoRuntime)?;
        let Stores {
            lines,
            jobs,
            access,
        } = self.stores;
        Ok(AppState {
            hub: Hub::new(lines.clone(), jobs.clone(), self.hub)?,
            access: Arc::new(Access::new(self.access, &access, jobs.clone())?),
            verifier: self.verifier,
            store: lines,
            jobs,
            webhooks: None,
            viewer: ViewerOptions::default(),
            writes: None,
            cors_origins: Arc::default(),
            health: Arc::default(),
            searches: Arc::new(Semaphore::new(self.searches)),
            tasks: Arc::new(Tasks::new(runtime)),
        })
    }
}

#[cfg(test)]
mod tests {
    use auth::StaticKeys;
    use log_store::MemoryStore;
    use tokio::runtime::Builder;

    use super::*;

    fn builder(store: &Arc<MemoryStore>) -> AppStateBuilder {
        let issuer = auth::mint::Issuer::for_tests().unwrap();
        let keys = StaticKeys::from_jwks(&issuer.jwks_json()).unwrap();
        let verifier = Verifier::builder(Arc::new(keys))
            .issuers([issuer.issuer()])
            .authorized_parties(["https://app.example.com"])
            .build()
            .unwrap();
        AppState::builder(Arc::new(verifier), Stores::one(store.clone()))
    }

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let store = Arc::new(MemoryStore::new());
        assert_eq!(builder(&store).build().err(), Some(StateError::NoRuntime));
        let access = AccessStores::local();
        let access = Access::new(AccessOptions::default(), &access, store);
        assert_eq!(access.err(), Some(StateError::NoRuntime));
    }

    #[test]
    fn a_thread_of_no_runtime_can_start_what_runs_in_the_background() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let store = Arc::new(MemoryStore::new());
        let state = runtime.block_on(async { builder(&store).build().unwrap() });
        state.end_lost_runs(store);
    }
}
