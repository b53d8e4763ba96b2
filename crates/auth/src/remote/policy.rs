//! How long fetched keys are believed, and how often they may be asked for.

use std::time::Duration;

use crate::config::ConfigError;

/// Shortest time that a server can make a set fresh for by `Cache-Control: max-age`.
const SHORTEST_FRESH: Duration = Duration::from_secs(60);

/// The times of a key cache, all on the monotonic clock. The defaults are the ones to use; tests
/// and unusual instances may need others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long a set is fresh; then it is fetched anew in the background. 5 minutes. A server's
    /// `max-age` may shorten it to a minute.
    pub soft_ttl: Duration,
    /// How long after the last success a set is served at most, when fetching it fails. 1 hour:
    /// rotating the keys is Clerk's only way to revoke everything at once, and this is how long it
    /// can be delayed.
    pub hard_ttl: Duration,
    /// Least time between the start of one attempt and one that a token causes. 30 seconds.
    pub cooldown: Duration,
    /// Longest time that a request waits for a fetch. 3 seconds.
    pub wait: Duration,
    /// Longest time that a fetch may take. 5 seconds.
    pub fetch_timeout: Duration,
    /// Age from which a set is looked at again when a signature does not hold, for a key that was
    /// replaced under its own id. 1 minute.
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
            // Otherwise keys would run out before the fetch that renews them can end.
            let problem = "it must be at least soft_ttl and fetch_timeout together";
            return Err(ConfigError::new("hard_ttl", problem));
        }
        if self.hard_ttl > Duration::from_secs(24 * 60 * 60) {
            return Err(ConfigError::new("hard_ttl", "it must be a day at most"));
        }
        Ok(())
    }

    /// How long a set that came with this `max-age` is fresh.
    pub(super) fn fresh_for(&self, max_age: Option<Duration>) -> Duration {
        max_age.map_or(self.soft_ttl, |max_age| {
            max_age.max(SHORTEST_FRESH).min(self.soft_ttl)
        })
    }
}
