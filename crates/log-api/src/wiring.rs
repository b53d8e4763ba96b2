//! Builds the service from its settings: the verifier, the store, the hub.

mod verifier;
mod writers;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use auth::Verifier;
use auth::webhooks::Webhooks;
use log_hub::HubOptions;
use log_store::redis::{CheckError, KeyPatterns, RedisOptions, RedisOptionsError, RedisStore};
use log_store::{EmbeddedStore, StoreError};
use tokio_util::sync::CancellationToken;

use crate::access::{AccessOptions, KeyRing, StreamLimits};
use crate::config::{
    AccessSettings, LimitSettings, Problem, RedisSettings, Settings, StoreSettings, StreamSettings,
    without_password,
};
use crate::error::StateError;
use crate::health::Health;
use crate::ingest::{WriteStores, Writes};
use crate::metrics::{Metrics, StoreGauges};
use crate::state::{AppState, Stores};
use crate::supervise::TaskEnd;

type Failure = Box<dyn Error>;

/// How often a Redis that was away at the start is checked again.
const RECHECK: Duration = Duration::from_secs(2);

/// The state that all requests share, and the metrics of it.
pub(crate) struct Service {
    pub(crate) state: AppState,
    pub(crate) metrics: Metrics,
    /// Is cancelled when the file of the embedded store is closed. `None` for a store without a file.
    pub(crate) file_closed: Option<CancellationToken>,
    /// The keys that are accepted, to replace them.
    keys: Option<Arc<KeyRing>>,
}

impl Service {
    /// Adds the routes of workers, if there are keys.
    fn add_writers(&mut self, writes: Option<Arc<Writes>>) {
        self.keys = writes.as_ref().map(|writes| writes.gate.keys.clone());
        self.state.writes = writes;
        self.metrics.set_state(self.state.clone());
    }
}

/// Builds the service. It also starts while Redis or Clerk's keys cannot be reached, and answers 503 until they can.
pub(crate) async fn service(settings: &Settings) -> Result<Service, Failure> {
    let verifier = Arc::new(verifier::verifier(&settings.auth)?);
    let mut service = match &settings.store {
        StoreSettings::Redis(redis) => Box::pin(on_redis(verifier, redis, settings)).await?,
        StoreSettings::Embedded { dir } => {
            let store = EmbeddedStore::open(dir, settings.embedded.clone()).await?;
            let options = access_options(settings);
            let secrets = writers::embedded_secrets(&settings.writes, dir)?;
            let stores = WriteStores {
                jobs: Arc::new(store.clone()),
                lines: Arc::new(store.clone()),
            };
            let mut service =
                on_embedded(verifier, store, &settings.stream, &settings.limits, options)?;
            service.add_writers(writers::writers(&settings.writes, &secrets, stores)?);
            service
        }
    };
    service.state.webhooks = webhooks(&settings.access)?;
    service.state.viewer = settings.viewer.clone();
    if let Some(keys) = service.keys.take() {
        writers::reload_on_hangup(&service.state.tasks, keys, settings.writes.file.as_deref());
    }
    service.state.cors_origins = settings.server.cors_origins.as_slice().into();
    Ok(service)
}

/// Everything that [`service`] would refuse before it asks anybody. Asks nobody.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = verifier::problems(&settings.auth);
    problems.extend(webhooks(&settings.access).err());
    problems.extend(writers::problem(&settings.writes, &settings.store));
    if let StoreSettings::Redis(redis) = &settings.store {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Making the store starts tasks. They never run, because nobody drives this runtime.
        if let Ok(runtime) = runtime {
            let _inside = runtime.enter();
            problems.extend(redis_store(redis).err());
        }
    }
    problems
}

/// A service over the embedded store.
pub(crate) fn on_embedded(
    verifier: Arc<Verifier>,
    store: EmbeddedStore,
    stream: &StreamSettings,
    limits: &LimitSettings,
    options: AccessOptions,
) -> Result<Service, StateError> {
    let file_closed = Some(store.closed());
    let store = Arc::new(store);
    let state = AppState::builder(verifier, Stores::one(store.clone()))
        .hub(hub_options(stream, limits))
        .searches(limits.searches)
        .access(options)
        .build()?;
    state.end_lost_runs(store);
    let gauges = || StoreGauges {
        connected: true,
        ..StoreGauges::default()
    };
    Ok(Service {
        metrics: Metrics::new(state.clone(), gauges),
        state,
        file_closed,
        keys: None,
    })
}

async fn on_redis(
    verifier: Arc<Verifier>,
    redis: &RedisSettings,
    settings: &Settings,
) -> Result<Service, Failure> {
    let store = Arc::new(redis_store(redis)?);
    let shown = without_password(&redis.url);
    // Without webhooks nothing is ever revoked, so nobody has to look for revocations.
    let needs = Needs {
        revocations: !settings.access.webhook_secrets.is_empty(),
        writes: settings.writes.keys.is_some(),
    };
    let mut stores = Stores::one(store.clone());
    if !needs.revocations {
        stores.access.revocations = None;
    }
    let state = AppState::builder(verifier, stores)
        .hub(hub_options(&settings.stream, &settings.limits))
        .searches(settings.limits.searches)
        .access(access_options(settings))
        .build()?;
    state.end_lost_runs(store.clone());
    match Box::pin(check_redis(&store, needs)).await {
        Ok(()) => tracing::info!(redis = shown, "Redis is suitable"),
        Err(Unsuitable::Away(error)) => {
            tracing::warn!(redis = shown, %error, "Redis is away; requests get 503 until it is back");
            let (store, health) = (store.clone(), state.health.clone());
            state.tasks.supervise_until_done("check of Redis", move || {
                recheck(store.clone(), health.clone(), needs)
            });
        }
        Err(Unsuitable::Refused(error)) => {
            return Err(format!("the Redis at {shown} is not suitable: {error}").into());
        }
    }
    let write_stores = WriteStores {
        jobs: store.clone(),
        lines: store.clone(),
    };
    let secrets = &settings.writes.token_secrets;
    let writers = writers::writers(&settings.writes, secrets, write_stores)?;
    let metrics = Metrics::new(state.clone(), move || redis_gauges(&store));
    let mut service = Service {
        state,
        metrics,
        file_closed: None,
        keys: None,
    };
    service.add_writers(writers);
    Ok(service)
}

/// What the settings need of Redis, beside reading.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// Webhooks are on.
    revocations: bool,
    /// There are keys.
    writes: bool,
}

/// Why Redis cannot be relied upon.
enum Unsuitable {
    /// It cannot be reached: check again later.
    Away(StoreError),
    /// Its version or its permissions do not allow what the service needs.
    Refused(String),
}

/// Checks the version of Redis and the permissions that the service needs. Without webhooks only tickets need permissions
/// on `log-api:*`, and everything else works without them.
async fn check_redis(store: &RedisStore, needs: Needs) -> Result<(), Unsuitable> {
    match store.check().await {
        Ok(facts) => {
            let (version, pushes_changes) = (facts.version, facts.tracks);
            tracing::info!(version, pushes_changes, "Redis was checked");
        }
        Err(CheckError::Unavailable(error)) => return Err(Unsuitable::Away(error.into())),
        Err(error) => return Err(Unsuitable::Refused(error.to_string())),
    }
    if needs.writes {
        for checked in [store.check_writes().await, store.check_numbered().await] {
            match checked {
                Ok(()) => {}
                Err(CheckError::Unavailable(error)) => return Err(Unsuitable::Away(error.into())),
                Err(error) => {
                    return Err(Unsuitable::Refused(format!(
                        "LOG_API_KEYS is set, but Redis does not allow what workers need: {error}"
                    )));
                }
            }
        }
    }
    Box::pin(check_lost_runs(store)).await;
    match store.check_access().await {
        Ok(()) => Ok(()),
        Err(error) if error.is_retryable() => Err(Unsuitable::Away(error)),
        Err(error) if needs.revocations => Err(Unsuitable::Refused(format!(
            "CLERK_WEBHOOK_SECRET is set, but Redis does not allow what revocations need on log-api:*: {error}"
        ))),
        Err(error) => {
            tracing::warn!(%error, "Redis does not allow tickets (log-api:*)");
            Ok(())
        }
    }
}

/// Tells if this service cannot end the jobs of lost workers. Everything else works without that.
async fn check_lost_runs(store: &RedisStore) {
    if let Err(StoreError::Refused(error)) = store.check_runs().await {
        tracing::warn!(%error, "Redis does not allow this service to end the jobs of lost workers");
    }
}

/// Repeats the check of a Redis that was away at the start, until it succeeds. A refusal fails readiness, and the check
/// goes on: the operator may correct Redis without restarting the service.
async fn recheck(store: Arc<RedisStore>, health: Arc<Health>, needs: Needs) -> TaskEnd {
    loop {
        tokio::time::sleep(RECHECK).await;
        match Box::pin(check_redis(&store, needs)).await {
            Ok(()) => {
                tracing::info!("Redis is there, and is suitable");
                health.set_store_usable(true);
                return TaskEnd::Done;
            }
            Err(Unsuitable::Away(_)) => {}
            Err(Unsuitable::Refused(error)) => {
                tracing::error!(error, "Redis is there, but is not suitable");
                health.set_store_usable(false);
            }
        }
    }
}

fn redis_store(settings: &RedisSettings) -> Result<RedisStore, Problem> {
    let mut options = RedisOptions::new(settings.url.as_str());
    options.tls = settings.tls.clone();
    options.keys = KeyPatterns::new(&settings.job_key)
        .map_err(|error| Problem::new("LOG_API_JOB_KEY", error))?;
    options.deadline = settings.timeout;
    options.watch = settings.watch;
    options.min_replicas = settings.min_replicas;
    RedisStore::new(options).map_err(|error| match error {
        RedisOptionsError::CaFile { .. } => Problem::new("LOG_API_REDIS_CA_FILE", error),
        RedisOptionsError::CertFile { .. } => Problem::new("LOG_API_REDIS_CERT_FILE", error),
        RedisOptionsError::KeyFile { .. } => Problem::new("LOG_API_REDIS_KEY_FILE", error),
        RedisOptionsError::TooShort { .. } => Problem::new("LOG_API_REDIS_TIMEOUT_MS", error),
        // The address, and what a later version may add.
        _ => Problem::new("REDIS_URL", error),
    })
}

fn redis_gauges(store: &RedisStore) -> StoreGauges {
    let store = store.state();
    StoreGauges {
        connected: store.connected,
        slots_served: store.slots_served.into(),
        watched: store.watched as u64,
        resyncs: store.resyncs,
    }
}

fn access_options(settings: &Settings) -> AccessOptions {
    let access = &settings.access;
    AccessOptions {
        lease: access.lease,
        limits: stream_limits(&settings.limits),
        orgs: access.org_read.clone(),
        keep_revocations: access.keep_revocations(settings.auth.max_token_life),
    }
}

/// The verifier of webhooks; `None` without a secret.
fn webhooks(settings: &AccessSettings) -> Result<Option<Arc<Webhooks>>, Problem> {
    if settings.webhook_secrets.is_empty() {
        return Ok(None);
    }
    let webhooks = Webhooks::new(settings.webhook_secrets.iter().cloned());
    let webhooks = webhooks.map_err(|error| Problem::new("CLERK_WEBHOOK_SECRET", error))?;
    Ok(Some(Arc::new(webhooks)))
}

fn stream_limits(limits: &LimitSettings) -> StreamLimits {
    StreamLimits {
        per_user: limits.streams_per_user,
        per_job: limits.streams_per_job,
        total: limits.streams,
    }
}

fn hub_options(stream: &StreamSettings, limits: &LimitSettings) -> HubOptions {
    HubOptions::default()
        .feed_bytes(limits.feed_bytes)
        .feeds_bytes(limits.feeds_bytes)
        .catch_up_reads(limits.catch_up_reads)
        .heartbeat(stream.heartbeat)
        .end_quiet(stream.end_quiet)
        .end_limit(stream.end_limit)
}
