//! The registry of feeds: opening, lingering, heartbeats and drain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use log_store::{Jobs, LogStore, ReadError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{self, Instant, MissedTickBehavior};

use crate::feed::Feed;
use crate::options::HubOptions;
use crate::stats::{Counters, HubStats};
use crate::upstream::Upstream;
use crate::viewer::Viewer;

/// The parts of a drain's window: often enough to look spread, seldom enough to cost nothing.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// Serves the live logs of many jobs to many viewers. Cheap to clone; the feeds end when the last clone and the last
/// viewer are gone.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

/// What the hub, its feeds and its viewers share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn LogStore>,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) options: HubOptions,
    pub(crate) counters: Counters,
    /// One permit a read of the store for a viewer that catches up; waiters are served in order.
    pub(crate) catch_up: Arc<Semaphore>,
    /// Counts the ticks of the shared clock; a viewer's silence is measured in them.
    pub(crate) tick: AtomicU64,
    /// Where feeds run, whichever thread opens them.
    runtime: Handle,
    /// The feeds that can be joined. A feed leaves when it ends or has been deserted for long.
    feeds: Mutex<HashMap<JobId, Arc<Feed>>>,
    /// Set by a drain: no viewer is let in any more.
    draining: AtomicBool,
}

/// Why a viewer could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The hub is draining.
    #[error("the hub is draining")]
    Draining,
}

impl Hub {
    /// A hub over a store of lines and one of jobs. Feeds run on the tokio runtime this is called in.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(store: Arc<dyn LogStore>, jobs: Arc<dyn Jobs>, options: HubOptions) -> Self {
        let shared = Arc::new(Shared {
            store,
            jobs,
            counters: Counters::default(),
            catch_up: Arc::new(Semaphore::new(options.catch_up_reads.max(1))),
            tick: AtomicU64::new(0),
            runtime: Handle::current(),
            feeds: Mutex::new(HashMap::new()),
            draining: AtomicBool::new(false),
            options,
        });
        shared.runtime.spawn(beat(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Opens a viewer of a job's log.
    ///
    /// A live-only viewer begins after the last line that is there at this moment. This does not ask whether the job
    /// exists or who may read it: the caller has.
    ///
    /// # Errors
    /// The store could not be read, or the hub is draining.
    pub async fn open(&self, job: &JobId, start: Start) -> Result<Viewer, OpenError> {
        let shared = &self.shared;
        shared.refuse_while_draining()?;
        // A cursor on a feed that runs needs no read: the viewer finds its place by itself.
        if let (Some(cursor), Some((feed, key))) = (start.cursor(), shared.join_running(job)) {
            return Ok(Viewer::new(shared.clone(), feed, key, cursor, false));
        }
        let last_id = shared.store.bounds(job).await?.last_id;
        // A drain may have begun, and ended, during the read.
        shared.refuse_while_draining()?;
        let (feed, key) = shared.join(job, last_id);
        let trusted = start.cursor().is_none();
        Ok(Viewer::new(
            shared.clone(),
            feed,
            key,
            start.cursor().unwrap_or(last_id),
            trusted,
        ))
    }

    /// What the hub does and has done.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        self.shared.counters.snapshot()
    }

    /// Lets no viewer in any more and breaks all off that are there, spread over `window`, so that they do not all
    /// come back at once.
    pub async fn drain(&self, window: Duration) {
        self.shared.draining.store(true, Ordering::Release);
        let mut seats: Vec<_> = self
            .shared
            .feeds_now()
            .into_iter()
            .flat_map(|feed| feed.seats().into_iter().map(move |key| (feed.clone(), key)))
            .collect();
        fastrand::shuffle(&mut seats);
        let begin = Instant::now();
        let total = seats.len().max(1);
        let mut done = 0;
        while done < seats.len() {
            let share = begin.elapsed().as_secs_f64() / window.as_secs_f64().max(f64::EPSILON);
            let due = if share >= 1.0 {
                total
            } else {
                part_of(total, share)
            };
            for (feed, key) in &seats[done..due.max(done)] {
                feed.break_off(*key);
            }
            done = due.max(done);
            time::sleep(DRAIN_STEP).await;
        }
        // Whoever was on the way in when the drain began.
        for feed in self.shared.feeds_now() {
            feed.publish(|state| state.broken = true);
        }
    }
}

impl Shared {
    fn refuse_while_draining(&self) -> Result<(), OpenError> {
        if self.draining.load(Ordering::Acquire) {
            Err(OpenError::Draining)
        } else {
            Ok(())
        }
    }

    /// Joins the feed of a job if there is one.
    fn join_running(&self, job: &JobId) -> Option<(Arc<Feed>, usize)> {
        let feeds = self.lock();
        let feed = feeds.get(job)?;
        // Under the registry's lock, so that the feed cannot leave the registry before it sees the viewer.
        let key = feed.lock().join(self.now());
        Some((feed.clone(), key))
    }

    /// Joins the feed of a job, which begins at `position` if there is none yet.
    fn join(self: &Arc<Self>, job: &JobId, position: EntryId) -> (Arc<Feed>, usize) {
        let mut feeds = self.lock();
        let feed = feeds.entry(job.clone()).or_insert_with(|| {
            let feed = Arc::new(Feed::new(job.clone(), position, self.options.feed_bytes));
            Counters::add(&self.counters.feeds, 1);
            self.runtime
                .spawn(Upstream::new(self.clone(), feed.clone(), position).run());
            feed
        });
        let key = feed.lock().join(self.now());
        (feed.clone(), key)
    }

    /// Takes a feed out of the registry, unless it has to be deserted and somebody has joined meanwhile.
    pub(crate) fn retire(&self, feed: &Arc<Feed>, only_if_deserted: bool) -> bool {
        let mut feeds = self.lock();
        if only_if_deserted && !feed.lock().is_deserted() {
            return false;
        }
        if feeds
            .get(&feed.job)
            .is_some_and(|registered| Arc::ptr_eq(registered, feed))
        {
            feeds.remove(&feed.job);
        }
        true
    }

    pub(crate) fn now(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }

    fn feeds_now(&self) -> Vec<Arc<Feed>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Feed>>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a tick is: fine enough that a heartbeat is late by a twentieth at most, and never over a second.
    fn tick_length(&self) -> Duration {
        let twentieth = self.options.heartbeat / 20;
        twentieth.clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

/// The one clock for all heartbeats; ends with the hub.
async fn beat(shared: Weak<Shared>) {
    let Some((length, heartbeat)) = shared
        .upgrade()
        .map(|s| (s.tick_length(), s.options.heartbeat))
    else {
        return;
    };
    let silent_ticks = heartbeat.as_nanos().div_ceil(length.as_nanos());
    let silent_ticks = u64::try_from(silent_ticks).unwrap_or(u64::MAX);
    let mut interval = time::interval(length);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let now = shared.tick.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(silent_since) = now.checked_sub(silent_ticks) {
            for feed in shared.feeds_now() {
                feed.tick(silent_since);
            }
        }
    }
}

/// `share` (0 to 1) of `total`, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the number of viewers of a process is far below 2^52, and the share is not negative"
)]
fn part_of(total: usize, share: f64) -> usize {
    (total as f64 * share) as usize
}
