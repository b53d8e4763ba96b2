//! The key cache: the set in use, and the one fetch that may be in progress.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cache_policy::CachePolicy;
use super::fetch::{Fetch, RefreshError};
use super::schedule::{FetchSchedule, Trigger};
use crate::key_source::{KeyError, KeyHealth};
use crate::{KeyId, KeySet, VerifyingKey};

/// `Retry-After` for a request that stopped waiting for a fetch which is still in progress.
const FETCH_IN_PROGRESS_RETRY: Duration = Duration::from_secs(1);

/// The key cache. Requests, the fetch in progress and the background task share it.
pub(super) struct Cache {
    fetch: Box<dyn Fetch>,
    policy: CachePolicy,
    /// The runtime that all tasks run on.
    runtime: Handle,
    /// All tasks of this cache: the background task and the fetch in progress.
    tasks: TaskTracker,
    /// Cancelled when the keys are dropped; ends all tasks.
    stop: CancellationToken,
    /// The set in use. Only fetches write it, and there is only one at a time.
    current: ArcSwapOption<Loaded>,
    /// When the next fetch may start, and the fetch in progress. Locked for a few instructions at a
    /// time, never while waiting.
    schedule: Mutex<FetchSchedule>,
    /// Notified when a fetch has ended, so that the background task computes its next time again.
    fetch_ended: Notify,
    counts: Counts,
}

/// A set and its age.
struct Loaded {
    keys: KeySet,
    at: Instant,
    /// After this the set is stale: it is still used, and fetched again.
    fresh_until: Instant,
}

/// The counts of [`KeyHealth`].
#[derive(Default)]
struct Counts {
    refreshes: AtomicU64,
    failed_refreshes: AtomicU64,
    unknown_key_ids: AtomicU64,
    served_stale: AtomicU64,
}

/// The result of looking up a key id in the set in use.
pub(super) enum Lookup {
    /// The key.
    Found(VerifyingKey),
    /// There is a set, but it does not have the key.
    Unknown,
    /// There is no set, or it is too old to use.
    NoKeys,
}

impl Cache {
    pub(super) fn new(fetch: Box<dyn Fetch>, policy: CachePolicy, runtime: Handle) -> Self {
        Self {
            fetch,
            policy,
            runtime,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            current: ArcSwapOption::empty(),
            schedule: Mutex::new(FetchSchedule::new(Instant::now())),
            fetch_ended: Notify::new(),
            counts: Counts::default(),
        }
    }

    /// Runs a task of this cache until it returns or [`stop`](Self::stop) is called.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let until_stopped = async move {
            // `None` means stopped, which needs no further action.
            let _ = stop.run_until_cancelled(task).await;
        };
        self.tasks.spawn_on(until_stopped, &self.runtime);
    }

    /// Ends all tasks of this cache.
    pub(super) fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
    }

    pub(super) fn look_up(&self, id: &KeyId) -> Lookup {
        let now = Instant::now();
        let Some(loaded) = self.usable(now) else {
            return Lookup::NoKeys;
        };
        let Some(key) = loaded.keys.get(id) else {
            return Lookup::Unknown;
        };
        if now >= loaded.fresh_until {
            add_one(&self.counts.served_stale);
        }
        Lookup::Found(key.clone())
    }

    /// The key with this id, if it is not the refused one.
    pub(super) fn other_key(&self, id: &KeyId, refused: &VerifyingKey) -> Option<VerifyingKey> {
        self.usable(Instant::now())?
            .keys
            .get(id)
            .filter(|key| *key != refused)
            .cloned()
    }

    /// Whether the set is old enough that a wrong signature may cause a fetch. Anybody can make
    /// wrong signatures, so a young set is trusted.
    pub(super) fn may_be_outdated(&self) -> bool {
        self.current
            .load()
            .as_ref()
            .is_some_and(|loaded| loaded.at.elapsed() >= self.policy.recheck_age)
    }

    /// Whether the set is the result of the last attempt to fetch it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.schedule.lock().last_attempt_succeeded()
    }

    pub(super) fn unavailable(&self) -> KeyError {
        let due = self.due();
        let wait = self
            .schedule
            .lock()
            .next_chance(due, self.policy.cooldown)
            .map_or(FETCH_IN_PROGRESS_RETRY, |at| {
                at.saturating_duration_since(Instant::now())
            });
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

    /// Waits for the fetch in progress. If there is none, starts one if that is allowed. Waits at
    /// most as long as a request may wait.
    pub(super) async fn refresh(self: &Arc<Self>, trigger: Trigger) {
        if let Some(mut ended) = self.start_fetch(trigger) {
            // The caller reads the result from the cache, whether the fetch has ended or not.
            let _ = timeout(self.policy.wait, ended.changed()).await;
        }
    }

    /// The fetch in progress, or a fetch that is started now. `None` if none may start.
    pub(super) fn start_fetch(self: &Arc<Self>, trigger: Trigger) -> Option<watch::Receiver<()>> {
        let mut schedule = self.schedule.lock();
        if let Some(in_progress) = schedule.in_progress() {
            return Some(in_progress);
        }
        // Both are read under the lock, so that a fetch that has just ended is seen.
        let (now, due) = (Instant::now(), self.due());
        if !schedule.may_start(trigger, now, due, self.policy.cooldown) {
            return None;
        }
        let (attempt, ended) = Attempt::new(Arc::clone(self));
        schedule.start(now, ended.clone());
        drop(schedule);
        self.spawn(attempt.run());
        Some(ended)
    }

    /// The set, if it is young enough to be used.
    fn usable(&self, now: Instant) -> Option<Arc<Loaded>> {
        self.current
            .load_full()
            .filter(|loaded| now.saturating_duration_since(loaded.at) < self.policy.hard_ttl)
    }

    /// When the set becomes stale; `None` if there is no set. The schedule may delay the fetch.
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
                "some keys of the instance cannot be used"
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
        self.schedule.lock().succeed(now);
        self.fetch_ended.notify_one();
    }

    fn fail(&self, error: &RefreshError) {
        add_one(&self.counts.failed_refreshes);
        let failures = self.schedule.lock().fail(Instant::now());
        tracing::warn!(
            error = error as &dyn std::error::Error,
            failures,
            "the key set could not be fetched"
        );
        self.fetch_ended.notify_one();
    }
}

/// The background task: fetches the set whenever it is due, with or without requests. A service
/// that is not ready gets no requests, so it must become ready without them.
pub(super) async fn keep_fresh(cache: Arc<Cache>) {
    loop {
        if let Some(mut ended) = cache.start_fetch(Trigger::Due) {
            let _ = ended.changed().await;
        }
        let next = {
            let due = cache.due();
            cache.schedule.lock().next_due(due)
        };
        // Sleeps until then, or until a fetch that a request caused has ended.
        let _ = timeout_at(next, cache.fetch_ended.notified()).await;
    }
}

/// One fetch. If it is dropped without a result (it panicked, or its runtime was shut down) it counts
/// as failed, so that nobody waits for it for ever and it is not repeated in a tight loop.
struct Attempt {
    cache: Arc<Cache>,
    has_result: bool,
    /// Nothing is sent on it. It is dropped after the result is recorded, which wakes the receivers.
    _ended: watch::Sender<()>,
}

impl Attempt {
    fn new(cache: Arc<Cache>) -> (Self, watch::Receiver<()>) {
        let (sender, ended) = watch::channel(());
        let attempt = Self {
            cache,
            has_result: false,
            _ended: sender,
        };
        (attempt, ended)
    }

    async fn run(mut self) {
        let result = self.cache.load().await;
        self.has_result = true;
        match result {
            Ok((keys, max_age)) => self.cache.succeed(keys, max_age),
            Err(error) => self.cache.fail(&error),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.has_result && !self.cache.stop.is_cancelled() {
            self.cache.fail(&RefreshError::Dropped);
        }
    }
}

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
