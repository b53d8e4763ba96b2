//! The settings of the key cache: how long keys are used, and how often they may be fetched.

use std::time::Duration;

use crate::config_error::ConfigError;

/// A `max-age` shorter than this is ignored: the set is fresh for at least this long.
const SHORTEST_FRESH: Duration = Duration::from_secs(60);

/// The durations of a key cache, all measured by the monotonic clock. Use the defaults, except in
/// tests and for unusual instances.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CachePolicy {
    /// How long a set is fresh. Then it is fetched again in the background. 5 minutes; a server's
    /// `max-age` may shorten it to one minute.
    pub soft_ttl: Duration,
    /// How long a set is used at most after it was fetched, if later fetches fail. 1 hour. Rotating
    /// the keys is Clerk's only way to revoke all tokens at once, and an attacker who blocks fetches
    /// can delay it for this long.
    pub hard_ttl: Duration,
    /// Shortest time between the start of any fetch and the start of one that a token causes. 30
    /// seconds.
    pub cooldown: Duration,
    /// Longest time that a request waits for a fetch. 3 seconds.
    pub wait: Duration,
    /// Longest time that one fetch may take. 5 seconds.
    pub fetch_timeout: Duration,
    /// How old a set must be before a wrong signature causes a fetch. The instance may have replaced
    /// a key under the same id. 1 minute.
    pub recheck_age: Duration,
}

impl Default for CachePolicy {
    fn default() -> Self {
        Self {
            soft_ttl: Duration::from_secs(5 * 60),
            hard_ttl: Duration::from_secs(60 * 60),
            cooldown: Duration::from_secs(30),
            wait: Duration::from_secs(3),
            fetch_timeout: Duration::from_secs(5),
            recheck_age: Duration::from_secs(60),
        }
    }
}

impl CachePolicy {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let at_least_a_second = [
            ("soft_ttl", self.soft_ttl),
            ("cooldown", self.cooldown),
            ("wait", self.wait),
            ("fetch_timeout", self.fetch_timeout),
        ];
        for (setting, value) in at_least_a_second {
            if value < Duration::from_secs(1) {
                return Err(ConfigError::new(setting, "it must be a second at least"));
            }
        }
        if self.hard_ttl < self.soft_ttl.saturating_add(self.fetch_timeout) {
            // Otherwise the keys could expire before the fetch that refreshes them has ended.
            let problem = "it must be at least soft_ttl and fetch_timeout together";
            return Err(ConfigError::new("hard_ttl", problem));
        }
        if self.hard_ttl > Duration::from_secs(24 * 60 * 60) {
            return Err(ConfigError::new("hard_ttl", "it must be a day at most"));
        }
        Ok(())
    }

    /// How long a set with this `max-age` is fresh.
    pub(super) fn fresh_for(&self, max_age: Option<Duration>) -> Duration {
        max_age.map_or(self.soft_ttl, |max_age| {
            max_age.max(SHORTEST_FRESH).min(self.soft_ttl)
        })
    }
}

impl CachePolicy {
    /// Sets [`CachePolicy::soft_ttl`].
    #[must_use]
    pub const fn soft_ttl(mut self, soft_ttl: Duration) -> Self {
        self.soft_ttl = soft_ttl;
        self
    }

    /// Sets [`CachePolicy::hard_ttl`].
    #[must_use]
    pub const fn hard_ttl(mut self, hard_ttl: Duration) -> Self {
        self.hard_ttl = hard_ttl;
        self
    }

    /// Sets [`CachePolicy::cooldown`].
    #[must_use]
    pub const fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Sets [`CachePolicy::wait`].
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets [`CachePolicy::fetch_timeout`].
    #[must_use]
    pub const fn fetch_timeout(mut self, fetch_timeout: Duration) -> Self {
        self.fetch_timeout = fetch_timeout;
        self
    }

    /// Sets [`CachePolicy::recheck_age`].
    #[must_use]
    pub const fn recheck_age(mut self, recheck_age: Duration) -> Self {
        self.recheck_age = recheck_age;
        self
    }
}
