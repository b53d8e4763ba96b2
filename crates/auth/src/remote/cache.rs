//! The cache itself: the set in use, the one fetch that may be under way, and the task that renews
//! the set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::fetch::{Fetch, RefreshError};
use super::gate::{Gate, Trigger};
use super::policy::CachePolicy;
use crate::key_source::{KeyError, KeyHealth};
use crate::{KeyId, KeySet, VerifyingKey};

/// When a request is told to come back that gave up on a fetch which is still under way.
const SOON: Duration = Duration::from_secs(1);

/// What a key set cache holds; shared by requests, the fetch under way and the background task.
pub(super) struct Cache {
    fetch: Box<dyn Fetch>,
    policy: CachePolicy,
    /// Where fetches run.
    runtime: Handle,
    /// The set in use. Written by fetches only, which come one at a time.
    current: ArcSwapOption<Loaded>,
    /// When the next fetch may start, and the one that is under way. Held for a few instructions
    /// at a time, never over a wait.
    gate: Mutex<Gate>,
    /// Rings when a fetch has ended, so that the background task looks at the time again.
    ended: Notify,
    counts: Counts,
}

/// A set and its age.
struct Loaded {
    keys: KeySet,
    at: Instant,
    /// From here on it is stale: still served, and fetched anew.
    fresh_until: Instant,
}

/// What [`KeyHealth`] counts.
#[derive(Default)]
struct Counts {
    refreshes: AtomicU64,
    failed_refreshes: AtomicU64,
    unknown_key_ids: AtomicU64,
    served_stale: AtomicU64,
}

/// What the set in use says about a key id.
pub(super) enum LookUp {
    /// Here is its key.
    Found(VerifyingKey),
    /// There is a set, and it has no such key.
    Unknown,
    /// There is no set, or it is older than it may be.
    NoKeys,
}

impl Cache {
    pub(super) fn new(fetch: Box<dyn Fetch>, policy: CachePolicy, runtime: Handle) -> Self {
        Self {
            fetch,
            policy,
            runtime,
            current: ArcSwapOption::empty(),
            gate: Mutex::new(Gate::new(Instant::now())),
            ended: Notify::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn look_up(&self, id: &KeyId) -> LookUp {
        let now = Instant::now();
        let Some(loaded) = self.usable(now) else {
            return LookUp::NoKeys;
        };
        let Some(key) = loaded.keys.get(id) else {
            return LookUp::Unknown;
        };
        if now >= loaded.fresh_until {
            add_one(&self.counts.served_stale);
        }
        LookUp::Found(key.clone())
    }

    /// The key of this id, where it is not the one that was refused.
    pub(super) fn other_key(&self, id: &KeyId, refused: &VerifyingKey) -> Option<VerifyingKey> {
        self.usable(Instant::now())?
            .keys
            .get(id)
            .filter(|key| *key != refused)
            .cloned()
    }

    /// Whether the set is old enough for a look at what the instance says now, when a signature
    /// does not hold. Bad signatures are cheap to make, so a young set is not doubted.
    pub(super) fn may_be_outdated(&self) -> bool {
        self.current
            .load()
            .as_ref()
            .is_some_and(|loaded| loaded.at.elapsed() >= self.policy.recheck_age)
    }

    /// Whether the set is the instance's last word: the last attempt brought it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.gate().last_attempt_succeeded()
    }

    pub(super) fn unavailable(&self) -> KeyError {
        let due = self.due();
        let wait = self
            .gate()
            .next_chance(due, self.policy.cooldown)
            .map_or(SOON, |at| at.saturating_duration_since(Instant::now()));
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        KeyError::Unavailable {
            retry_after: Duration::from_secs(seconds.max(1)),
        }
    }

    pub(super) fn count_unknown_key_id(&self) {
        add_one(&self.counts.unknown_key_ids);
    }

    pub(super) fn health(&self) -> KeyHealth {
        let now = Instant::now();
        let loaded = self.current.load();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        KeyHealth {
            ready: self.usable(now).is_some(),
            age: loaded
                .as_ref()
                .map(|loaded| now.saturating_duration_since(loaded.at)),
            keys: loaded.as_ref().map_or(0, |loaded| loaded.keys.usable()),
            refreshes: count(&self.counts.refreshes),
            failed_refreshes: count(&self.counts.failed_refreshes),
            unknown_key_ids: count(&self.counts.unknown_key_ids),
            served_stale: count(&self.counts.served_stale),
        }
    }

    /// Joins the fetch that is under way, or starts one where this may, and waits for its end, but
    /// no longer than a request can wait.
    pub(super) async fn refresh(self: &Arc<Self>, trigger: Trigger) {
        if let Some(mut ended) = self.begin(trigger) {
            // The outcome is read from the cache afterwards, whether it came in time or not.
            let _ = timeout(self.policy.wait, ended.changed()).await;
        }
    }

    /// The fetch that is under way, or one that is started now. `None` where none may start.
    pub(super) fn begin(self: &Arc<Self>, trigger: Trigger) -> Option<watch::Receiver<()>> {
        let mut gate = self.gate();
        if let Some(under_way) = gate.under_way() {
            return Some(under_way);
        }
        // Both are read under the lock: a fetch that ended just before must be seen.
        let (now, due) = (Instant::now(), self.due());
        if !gate.may_start(trigger, now, due, self.policy.cooldown) {
            return None;
        }
        let (attempt, ended) = Attempt::new(Arc::clone(self));
        gate.start(now, ended.clone());
        drop(gate);
        self.runtime.spawn(attempt.run());
        Some(ended)
    }

    /// The set, where it is young enough to be believed.
    fn usable(&self, now: Instant) -> Option<Arc<Loaded>> {
        self.current
            .load_full()
            .filter(|loaded| now.saturating_duration_since(loaded.at) < self.policy.hard_ttl)
    }

    /// When the set wants to be fetched anew; the gate may make it wait longer. `None` where there
    /// is no set.
    fn due(&self) -> Option<Instant> {
        self.current
            .load()
            .as_ref()
            .map(|loaded| loaded.fresh_until)
    }

    async fn load(&self) -> Result<(KeySet, Option<Duration>), RefreshError> {
        let fetched = timeout(self.policy.fetch_timeout, self.fetch.fetch())
            .await
            .map_err(|_| RefreshError::TimedOut)??;
        let keys = KeySet::from_jwks(&fetched.body)?;
        Ok((keys, fetched.max_age))
    }

    fn succeed(&self, keys: KeySet, max_age: Option<Duration>) {
        if keys.left_out() > 0 {
            tracing::warn!(
                usable = keys.usable(),
                left_out = keys.left_out(),
                "keys of the instance cannot be used"
            );
        }
        tracing::debug!(usable = keys.usable(), "the key set was fetched");
        let now = Instant::now();
        self.current.store(Some(Arc::new(Loaded {
            keys,
            at: now,
            fresh_until: now + self.policy.fresh_for(max_age),
        })));
        add_one(&self.counts.refreshes);
        self.gate().succeed(now);
        self.ended.notify_one();
    }

    fn fail(&self, error: &RefreshError) {
        add_one(&self.counts.failed_refreshes);
        let failures = self.gate().fail(Instant::now());
        tracing::warn!(
            error = error as &dyn std::error::Error,
            failures,
            "the key set could not be fetched"
        );
        self.ended.notify_one();
    }

    /// A panic elsewhere leaves nothing half-written here.
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches the set whenever it is due, whether anybody asks or not: a service that gets no traffic
/// because it is not ready would never become ready by itself.
pub(super) async fn keep_fresh(cache: Arc<Cache>) {
    loop {
        if let Some(mut ended) = cache.begin(Trigger::Due) {
            let _ = ended.changed().await;
        }
        let next = {
            let due = cache.due();
            cache.gate().next_due(due)
        };
        // Until then, or until a fetch that a request caused has ended.
        let _ = timeout_at(next, cache.ended.notified()).await;
    }
}

/// One fetch. Dropped without an outcome (its runtime went away, or the fetch panicked) it counts
/// as failed, so that nobody waits for it for ever and nothing tries again in a tight loop.
struct Attempt {
    cache: Arc<Cache>,
    settled: bool,
    /// Never sent on: its end is the message. Dropped after the outcome is recorded.
    _ended: watch::Sender<()>,
}

impl Attempt {
    fn new(cache: Arc<Cache>) -> (Self, watch::Receiver<()>) {
        let (sender, ended) = watch::channel(());
        let attempt = Self {
            cache,
            settled: false,
            _ended: sender,
        };
        (attempt, ended)
    }

    async fn run(mut self) {
        let outcome = self.cache.load().await;
        self.settled = true;
        match outcome {
            Ok((keys, max_age)) => self.cache.succeed(keys, max_age),
            Err(error) => self.cache.fail(&error),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.settled {
            self.cache.fail(&RefreshError::Dropped);
        }
    }
}

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
