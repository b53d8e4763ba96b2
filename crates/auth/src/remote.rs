//! Keys fetched from the instance, kept and renewed.
//!
//! What it promises, whatever anybody sends:
//!
//! - One fetch at a time, shared by all who wait for it. Whoever stops waiting does not stop it.
//! - A known key is handed out at once, without a lock. After [`CachePolicy::soft_ttl`] a
//!   background task fetches the set anew; until that works the old one serves, up to
//!   [`CachePolicy::hard_ttl`] since the last success.
//! - An unknown key id, or a signature that does not hold, causes at most one fetch in
//!   [`CachePolicy::cooldown`], which counts from the start of any attempt, failed ones included.
//! - A set is replaced whole, and never by one without a usable key.
//! - All of it runs on the monotonic clock.

mod cache;
mod fetch;
mod gate;
mod http;
mod policy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

pub use self::fetch::{Fetch, FetchError, Fetched};
pub use self::http::{HttpFetch, MAX_JWKS_BYTES};
pub use self::policy::CachePolicy;

use self::cache::{Cache, LookUp, keep_fresh};
use self::gate::Trigger;
use crate::config::ConfigError;
use crate::key_source::{KeyError, KeyHealth, KeySource};
use crate::{KeyId, VerifyingKey};

/// The keys of an instance, fetched from its JWKS address.
///
/// Fetches run on the tokio runtime that it was made in, so it does not matter which worker a
/// request is on. Dropping it ends the background task.
pub struct RemoteKeys {
    cache: Arc<Cache>,
    refresher: AbortHandle,
}

impl RemoteKeys {
    /// Starts on a JWKS address with the default [`CachePolicy`]. The first fetch begins at once;
    /// nothing is waited for, and a failure is tried again.
    ///
    /// # Errors
    ///
    /// As [`HttpFetch::new`] and [`spawn_with`](Self::spawn_with).
    pub fn spawn(jwks_url: &str) -> Result<Self, ConfigError> {
        Self::spawn_with(HttpFetch::new(jwks_url)?, CachePolicy::default())
    }

    /// Starts on any [`Fetch`], with settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where the policy contradicts itself, or outside of a tokio runtime.
    pub fn spawn_with(fetch: impl Fetch, policy: CachePolicy) -> Result<Self, ConfigError> {
        policy.validate()?;
        let runtime = Handle::try_current()
            .map_err(|error| ConfigError::new("remote_keys", error.to_string()))?;
        let cache = Arc::new(Cache::new(Box::new(fetch), policy, runtime.clone()));
        // Before anything can ask for a key, so that the first to ask waits for this fetch.
        cache.begin(Trigger::Due);
        let refresher = runtime.spawn(keep_fresh(Arc::clone(&cache))).abort_handle();
        Ok(Self { cache, refresher })
    }

    /// Waits for the first fetch, for a start that wants its keys before it opens its port; at
    /// most [`CachePolicy::wait`].
    ///
    /// # Errors
    ///
    /// [`KeyError::Unavailable`] where there are no keys by then. They are still being tried for.
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

    /// How long ago the keys were last fetched; `None` where they never were.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.cache.health().age
    }

    /// Whether there are keys to verify with now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.cache.health().ready
    }
}

#[async_trait]
impl KeySource for RemoteKeys {
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError> {
        match self.cache.look_up(id) {
            LookUp::Found(key) => return Ok(key),
            LookUp::Unknown => {
                self.cache.count_unknown_key_id();
                self.cache.refresh(Trigger::OnDemand).await;
            }
            LookUp::NoKeys => self.cache.refresh(Trigger::Due).await,
        }
        match self.cache.look_up(id) {
            LookUp::Found(key) => Ok(key),
            // The set is the instance's last word. In the cooldown it may be half a minute old, so
            // a key that was made since is refused until then; nothing remembers that it was.
            LookUp::Unknown if self.cache.is_confirmed() => Err(KeyError::Unknown),
            // The key may well be in the set that could not be fetched.
            LookUp::Unknown | LookUp::NoKeys => Err(self.cache.unavailable()),
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
        self.refresher.abort();
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
