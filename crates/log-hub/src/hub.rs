//! Opening viewers, and sending them all away.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use log_store::{Jobs, LogStore, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{self, Instant};

use crate::clock::beat;
use crate::feed::Feed;
use crate::options::HubOptions;
use crate::registry::{Closed, Registry};
use crate::shared::Shared;
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

/// Why a viewer could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store could not be read.
    #[error(transparent)]
    Read(#[from] StoreError),
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
            registry: Registry::default(),
            runtime: Handle::current(),
            options,
        });
        let heartbeat = shared.options.heartbeat;
        shared
            .runtime
            .spawn(beat(Arc::downgrade(&shared), heartbeat));
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
        match self.join_running(job)? {
            Some(viewer) => self.place(viewer, start).await,
            None => self.open_first(job, start).await,
        }
    }

    /// What the hub does and has done.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        self.shared.counters.snapshot()
    }

    /// Lets no viewer in any more and breaks all off that are there, spread over `window`, so that they do not all
    /// come back at once.
    pub async fn drain(&self, window: Duration) {
        self.shared.registry.close();
        let mut seats: Vec<_> = self
            .shared
            .registry
            .all()
            .into_iter()
            .flat_map(|feed| feed.seats().into_iter().map(move |key| (feed.clone(), key)))
            .collect();
        fastrand::shuffle(&mut seats);
        let begin = Instant::now();
        let mut done = 0;
        while done < seats.len() {
            time::sleep(DRAIN_STEP.min(window)).await;
            let next = due(seats.len(), begin.elapsed() + DRAIN_STEP, window).max(done);
            for (feed, key) in &seats[done..next] {
                feed.break_off(*key);
            }
            done = next;
        }
    }

    /// Takes a seat in the feed of a job if one runs; where the viewer begins is open yet.
    fn join_running(&self, job: &JobId) -> Result<Option<Viewer>, OpenError> {
        let joined = self.shared.registry.join_running(job, self.shared.now())?;
        Ok(joined.map(|joined| Viewer::new(self.shared.clone(), joined)))
    }

    /// Places a viewer of a feed that ran before it came.
    async fn place(&self, mut viewer: Viewer, start: Start) -> Result<Viewer, OpenError> {
        match start {
            // No read: the viewer finds its place by itself.
            Start::After(cursor) => viewer.claim(cursor),
            Start::Live => {
                let begun = viewer.begun();
                let bounds = self.shared.store.bounds(viewer.job()).await?;
                // A drain may have begun, and ended, during the read.
                self.shared.registry.check_open()?;
                viewer.confirm(begun, bounds.last_id);
            }
        }
        Ok(viewer)
    }

    /// Opens a viewer that finds no feed.
    async fn open_first(&self, job: &JobId, start: Start) -> Result<Viewer, OpenError> {
        let last_id = self.shared.store.bounds(job).await?.last_id;
        let (registry, now) = (&self.shared.registry, self.shared.now());
        let joined = registry.join(job, now, || self.begin(job, last_id))?;
        let mut viewer = Viewer::new(self.shared.clone(), joined);
        // Somebody else may have made the feed meanwhile, so the position is not taken as confirmed in it.
        viewer.claim(start.cursor().unwrap_or(last_id));
        Ok(viewer)
    }

    /// Begins a feed at a position.
    fn begin(&self, job: &JobId, position: EntryId) -> Arc<Feed> {
        let feed = Arc::new(Feed::new(
            job.clone(),
            position,
            self.shared.options.feed_bytes,
        ));
        Counters::add(&self.shared.counters.feeds, 1);
        let upstream = Upstream::new(self.shared.clone(), feed.clone(), position);
        self.shared.runtime.spawn(upstream.run());
        feed
    }
}

impl From<Closed> for OpenError {
    fn from(Closed: Closed) -> Self {
        Self::Draining
    }
}

/// How many of `total` are due when `elapsed` of `window` has passed.
fn due(total: usize, elapsed: Duration, window: Duration) -> usize {
    if elapsed >= window {
        return total;
    }
    // The window is longer than what has elapsed, so it is not zero, and the part not over the whole.
    let part = total as u128 * elapsed.as_nanos() / window.as_nanos();
    usize::try_from(part).unwrap_or(total)
}
