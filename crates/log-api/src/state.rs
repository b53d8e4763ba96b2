//! What the routes are made of.

use std::sync::Arc;

use auth::Verifier;
use auth::webhooks::Webhooks;
use log_hub::{Hub, HubOptions};
use log_store::{Jobs, LogStore};
use log_wire::ErrorCode;
use tokio::sync::Semaphore;

use crate::access::{Access, AccessOptions, AccessStores};
use crate::error::ApiError;
use crate::health::Health;
use crate::ingest::Writes;
use crate::supervise::Tasks;
use crate::viewer::ViewerOptions;

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
    store: Arc<dyn LogStore>,
    jobs: Arc<dyn Jobs>,
    hub: HubOptions,
    access: AccessOptions,
    access_stores: Option<AccessStores>,
    searches: usize,
}

/// How many searches run at once, unless set otherwise.
pub const SEARCHES: usize = 4;

impl AppState {
    /// State with the default access rules and a hub of its own. Call it inside the tokio runtime that shall run live feeds.
    #[must_use]
    pub fn new(
        verifier: Arc<Verifier>,
        store: Arc<dyn LogStore>,
        jobs: Arc<dyn Jobs>,
        hub: HubOptions,
    ) -> Self {
        Self::builder(verifier, store, jobs).hub(hub).build()
    }

    /// The writing side.
    pub(crate) fn writes(&self) -> Result<&Writes, ApiError> {
        let writes = self.writes.as_deref();
        writes.ok_or(ApiError::Code(ErrorCode::RouteNotFound))
    }

    /// Begins to build state. What is not set has its default.
    #[must_use]
    pub fn builder(
        verifier: Arc<Verifier>,
        store: Arc<dyn LogStore>,
        jobs: Arc<dyn Jobs>,
    ) -> AppStateBuilder {
        AppStateBuilder {
            verifier,
            store,
            jobs,
            hub: HubOptions::default(),
            access: AccessOptions::default(),
            access_stores: None,
            searches: SEARCHES,
        }
    }
}

impl AppStateBuilder {
    /// Sets the options of the hub.
    #[must_use]
    pub fn hub(self, hub: HubOptions) -> Self {
        Self { hub, ..self }
    }

    /// Sets the rules of access, and where tickets and revocations are kept. The default keeps them in memory.
    #[must_use]
    pub fn access(self, access: AccessOptions, stores: AccessStores) -> Self {
        let access_stores = Some(stores);
        Self {
            access,
            access_stores,
            ..self
        }
    }

    /// Sets how many searches may run at once. Further ones get 429. The default is [`SEARCHES`].
    #[must_use]
    pub fn searches(self, searches: usize) -> Self {
        Self { searches, ..self }
    }

    /// Builds the state, and starts what runs in the background. Call it inside the tokio runtime that shall run that.
    #[must_use]
    pub fn build(self) -> AppState {
        let stores = self.access_stores.unwrap_or_else(AccessStores::local);
        AppState {
            hub: Hub::new(self.store.clone(), self.jobs.clone(), self.hub),
            access: Arc::new(Access::new(self.access, &stores, self.jobs.clone())),
            verifier: self.verifier,
            store: self.store,
            jobs: self.jobs,
            webhooks: None,
            viewer: ViewerOptions::default(),
            writes: None,
            cors_origins: Arc::default(),
            health: Arc::default(),
            searches: Arc::new(Semaphore::new(self.searches)),
            tasks: Arc::default(),
        }
    }
}
