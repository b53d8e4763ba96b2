//! What the routes are made of.

use std::sync::Arc;

use auth::Verifier;
use auth::webhooks::Webhooks;
use log_hub::{Hub, HubOptions};
use log_store::{Jobs, LogStore};

use crate::access::{Access, AccessOptions, AccessStores};
use crate::health::Health;
use crate::limits::StreamLimits;
use crate::shared_reads::{SharedJobs, SharedPages};

/// The parts that the routes need, each shared. Another service that mounts the routes brings its own.
#[derive(Clone)]
pub struct AppState {
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Reads history.
    pub store: Arc<dyn LogStore>,
    /// What is read of it for many at once.
    pub(crate) pages: SharedPages,
    /// Knows who owns a job.
    pub jobs: Arc<dyn Jobs>,
    /// Serves live logs.
    pub hub: Hub,
    /// Exact origins that browsers may call from.
    pub cors_origins: Arc<[String]>,
    /// Decides who may go on reading.
    pub access: Arc<Access>,
    /// Verifies Clerk's webhooks. `None` where there are none: then there is no route for them.
    pub webhooks: Option<Arc<Webhooks>>,
    /// How many streams there may be.
    pub limits: Arc<StreamLimits>,
    /// The process's own state.
    pub health: Arc<Health>,
}

impl AppState {
    /// AppState over one store, with a hub of their own. Call it in the tokio runtime that live feeds are to run on.
    #[must_use]
    pub fn new(
        verifier: Arc<Verifier>,
        store: Arc<dyn LogStore>,
        jobs: Arc<dyn Jobs>,
        hub: HubOptions,
    ) -> Self {
        Self {
            verifier,
            hub: Hub::new(store.clone(), jobs.clone(), hub),
            access: Arc::new(Access::new(
                AccessOptions::default(),
                &AccessStores::local(),
                jobs.clone(),
            )),
            webhooks: None,
            store,
            pages: SharedPages::default(),
            jobs: Arc::new(SharedJobs::new(jobs)),
            cors_origins: Arc::default(),
            limits: Arc::default(),
            health: Arc::default(),
        }
    }
}
