//! Keys that are fetched from the instance, cached and refreshed.
//!
//! It guarantees, whatever requests come in:
//!
//! - There is only one fetch at a time. All requests that wait for keys share it, and it goes on if a
//!   request stops waiting.
//! - A known key is returned at once, without a lock. After [`CachePolicy::soft_ttl`], a background
//!   task fetches the set again; until that succeeds, the old set is used, up to
//!   [`CachePolicy::hard_ttl`] after the last success.
//! - Unknown key ids and wrong signatures cause at most one fetch in [`CachePolicy::cooldown`]. The
//!   cooldown begins when any attempt starts, also one that fails.
//! - A set is replaced as a whole, and never by one without a usable key.
//! - All durations are measured by the monotonic clock.

mod cache;
mod cache_policy;
mod fetch;
mod http;
mod schedule;
mod supervisor;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;

pub use self::cache_policy::CachePolicy;
pub use self::fetch::{Fetch, FetchError, Fetched};
pub use self::http::{HttpFetch, MAX_JWKS_BYTES};

use self::cache::{Cache, Lookup, keep_fresh};
use self::schedule::Trigger;
use self::supervisor::restart_on_panic;
use crate::config_error::ConfigError;
use crate::key_source::{KeyError, KeyHealth, KeySource};
use crate::{KeyId, VerifyingKey};

/// The keys of an instance, fetched from its JWKS URL.
///
/// All fetches run on the tokio runtime in which this was made, so requests may come from any
/// runtime. Dropping this ends its background task and the fetch in progress.
pub struct RemoteKeys {
    cache: Arc<Cache>,
}

impl RemoteKeys {
    /// Starts with a JWKS URL and the default [`CachePolicy`]. This does not wait: the first fetch
    /// runs in the background, and is repeated if it fails.
    ///
    /// # Errors
    ///
    /// As [`HttpFetch::new`] and [`spawn_with`](Self::spawn_with).
    pub fn spawn(jwks_url: &str) -> Result<Self, ConfigError> {
        Self::spawn_with(HttpFetch::new(jwks_url)?, CachePolicy::default())
    }

    /// Starts with any [`Fetch`] and [`CachePolicy`].
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the policy contradicts itself, or outside of a tokio runtime.
    pub fn spawn_with(fetch: impl Fetch, policy: CachePolicy) -> Result<Self, ConfigError> {
        policy.validate()?;
        let runtime = Handle::try_current()
            .map_err(|error| ConfigError::new("remote_keys", error.to_string()))?;
        let cache = Arc::new(Cache::new(Box::new(fetch), policy, runtime));
        // This comes before any request for a key, so that the first request waits for this fetch.
        cache.start_fetch(Trigger::Due);
        let refreshed = Arc::clone(&cache);
        cache.spawn(restart_on_panic(move || keep_fresh(Arc::clone(&refreshed))));
        Ok(Self { cache })
    }

    /// Waits for the first fetch, at most [`CachePolicy::wait`]. A service can call this before it
    /// opens its port.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] if there are no keys by then. Fetching them goes on.
    pub async fn prefetch(&self) -> Result<(), KeyError> {
        if !self.is_ready() {
            self.cache.refresh(Trigger::Due).await;
        }
        if self.is_ready() {
            Ok(())
        } else {
            Err(self.cache.unavailable())
        }
    }

    /// Time since the keys were last fetched; `None` if they never were.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.cache.health().age
    }

    /// Whether there are keys that can be used now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.cache.health().ready
    }
}

#[async_trait]
impl KeySource for RemoteKeys {
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError> {
        match self.cache.look_up(id) {
            Lookup::Found(key) => return Ok(key),
            Lookup::Unknown => {
                self.cache.count_unknown_key_id();
                self.cache.refresh(Trigger::OnDemand).await;
            }
            Lookup::NoKeys => self.cache.refresh(Trigger::Due).await,
        }
        match self.cache.look_up(id) {
            Lookup::Found(key) => Ok(key),
            // The set was fetched by the last attempt. During the cooldown it may be half a minute
            // old, so a newer key is refused until then. The refusal is not remembered.
            Lookup::Unknown if self.cache.is_confirmed() => Err(KeyError::Unknown),
            // The set that could not be fetched may have the key.
            Lookup::Unknown | Lookup::NoKeys => Err(self.cache.unavailable()),
        }
    }

    async fn newer_key(&self, id: &KeyId, refused: &VerifyingKey) -> Option<VerifyingKey> {
        if let Some(key) = self.cache.other_key(id, refused) {
            return Some(key);
        }
        if !self.cache.may_be_outdated() {
            return None;
        }
        self.cache.refresh(Trigger::OnDemand).await;
        self.cache.other_key(id, refused)
    }

    fn health(&self) -> KeyHealth {
        self.cache.health()
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        self.cache.stop();
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RemoteKeys")
            .field("health", &self.cache.health())
            .finish_non_exhaustive()
    }
}
