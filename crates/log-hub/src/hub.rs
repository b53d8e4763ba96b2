//! Opening viewers, and sending them all away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use log_domain::{EndRules, EntryId, JobId, Start};
use log_store::{FollowOptions, Follower, Jobs, LogStore, StoreError, line_at};
use tokio::runtime::Handle;
use tokio::time::{self, Instant};

use crate::error::HubError;
use crate::feed::Feed;
use crate::heartbeat;
use crate::inner::HubInner;
use crate::opening::{Opened, Opening};
use crate::options::HubOptions;
use crate::registry::JoinedFeed;
use crate::stats::HubStats;
use crate::upstream::Upstream;
use crate::viewer::Viewer;

/// A drain breaks streams off in steps of this length: often enough to look spread, seldom enough to cost nothing.
const DRAIN_STEP: Duration = Duration::from_millis(20);

/// How long a client that came back waits, beyond the quiet period, to learn whether there is anything after its cursor. Only
/// while the store is away it takes so long.
const FIRST_FRAMES: Duration = Duration::from_secs(3);

/// Serves the live logs of many jobs to many viewers. Cheap to clone. The feeds end when the last clone and the last viewer
/// are gone.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<HubInner>,
}

impl Hub {
    /// A hub over a store of lines and one of jobs. Feeds run on the tokio runtime this is called in.
    ///
    /// # Errors
    /// There is no tokio runtime here.
    pub fn new(
        store: Arc<dyn LogStore>,
        jobs: Arc<dyn Jobs>,
        options: HubOptions,
    ) -> Result<Self, HubError> {
        let runtime = Handle::try_current().map_err(|_| HubError::NoRuntime)?;
        let inner = Arc::new(HubInner::new(store, jobs, options, runtime));
        heartbeat::start(&inner);
        Ok(Self { inner })
    }

    /// Opens a job's log for a client: gives it a viewer, or says that the client has the whole log.
    ///
    /// A live-only viewer begins after the last line that is there at this moment. This does not ask whether the job
    /// exists or who may read it: the caller has done so.
    ///
    /// For a client that [came back](Opening::came_back) this looks whether the job has ended, or is gone. If so, it waits
    /// until the log is quiet ([`HubOptions::end_quiet`]). If there is nothing after the client's cursor, the answer is
    /// [`Opened::Complete`]. A client that asks for a cursor gets a viewer, and from it `done`: it must learn how the job has
    /// ended.
    ///
    /// A viewer that is opened during a drain, or after it, has its position and is broken off at once. To refuse it would
    /// be worse: an `EventSource` comes back after a stream that breaks, but not after a status that refuses it.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn open(
        &self,
        job: &JobId,
        opening: impl Into<Opening>,
    ) -> Result<Opened, StoreError> {
        let opening = opening.into();
        let mut viewer = self.open_viewer(job, opening.start).await?;
        if opening.came_back
            && self.has_ended(job, opening).await?
            && !viewer
                .has_more(FIRST_FRAMES + self.inner.options.end_quiet)
                .await
        {
            return Ok(Opened::Complete);
        }
        Ok(Opened::Viewer(viewer))
    }

    /// Whether somebody watches a job, or did a moment ago.
    #[must_use]
    pub fn is_watched(&self, job: &JobId) -> bool {
        self.inner.registry.has_running(job)
    }

    /// What the hub does and has done.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        HubStats {
            kept_bytes: self.inner.budget.used() as u64,
            ..self.inner.counters.snapshot()
        }
    }

    /// Whether the hub can serve streams: its heartbeat clock runs. `false` for ever where the clock has panicked, and
    /// after a drain. A service should not be ready then.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.inner.has_heartbeat.load(Ordering::Relaxed)
    }

    /// Breaks off all viewers, spread over `window`, so that they do not all come back at once. Then ends all tasks of the
    /// hub, and returns when they have ended. Close the listener first, or clients come back to this process.
    pub async fn drain(&self, window: Duration) {
        self.inner.registry.begin_drain();
        let mut slots: Vec<_> = self
            .inner
            .registry
            .all()
            .into_iter()
            .flat_map(|feed| {
                feed.slots()
                    .into_iter()
                    .map(move |slot| (feed.clone(), slot))
            })
            .collect();
        fastrand::shuffle(&mut slots);
        let begin = Instant::now();
        let mut done = 0;
        while done < slots.len() {
            time::sleep(DRAIN_STEP.min(window)).await;
            let next = count_due(slots.len(), begin.elapsed() + DRAIN_STEP, window).max(done);
            for (feed, slot) in &slots[done..next] {
                feed.break_off(*slot);
            }
            done = next;
        }
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Whether nothing more will happen to a job: its status is terminal, or it is gone.
    async fn has_ended(&self, job: &JobId, opening: Opening) -> Result<bool, StoreError> {
        if let Some(has_ended) = opening.has_ended {
            return Ok(has_ended);
        }
        let job = self.inner.jobs.get(job).await?;
        Ok(job.is_none_or(|job| job.status.is_terminal()))
    }

    async fn open_viewer(&self, job: &JobId, start: Start) -> Result<Viewer, StoreError> {
        match self.inner.registry.join_running(job, self.inner.now()) {
            Some(joined) => self.place(self.admit(joined), start).await,
            None => self.open_first(job, start).await,
        }
    }

    /// Gives a viewer its position in a feed that ran before the viewer came.
    async fn place(&self, mut viewer: Viewer, start: Start) -> Result<Viewer, StoreError> {
        match start {
            // No read: the viewer finds its place by itself.
            Start::After(cursor) => viewer.start_at(cursor),
            Start::AfterTime(time) => {
                let place = line_at(&*self.inner.store, viewer.job(), time).await?;
                viewer.start_at(place);
            }
            Start::Live => {
                let join_point = viewer.join_point();
                let bounds = self.inner.store.bounds(viewer.job()).await?;
                viewer.start_at_end(join_point, bounds.last_id);
            }
        }
        Ok(viewer)
    }

    /// Opens a viewer that has found no feed.
    async fn open_first(&self, job: &JobId, start: Start) -> Result<Viewer, StoreError> {
        let last_id = self.inner.store.bounds(job).await?.last_id;
        let place = match start {
            Start::Live => last_id,
            Start::After(cursor) => cursor,
            Start::AfterTime(time) => line_at(&*self.inner.store, job, time).await?,
        };
        let mut viewer = self.admit(self.join_or_begin(job, last_id));
        // Another viewer may have begun the feed meanwhile, so the position is not taken as confirmed in it.
        viewer.start_at(place);
        Ok(viewer)
    }

    /// Joins the feed of a job, or begins one at a position.
    fn join_or_begin(&self, job: &JobId, position: EntryId) -> JoinedFeed {
        let registry = &self.inner.registry;
        loop {
            if let Some(joined) = registry.join_running(job, self.inner.now()) {
                return joined;
            }
            if let Some(begun) = self.begin(job, position) {
                return begun;
            }
        }
    }

    /// Begins a feed at a position, with a slot for its first viewer; `None` where another one has been begun meanwhile.
    fn begin(&self, job: &JobId, position: EntryId) -> Option<JoinedFeed> {
        let inner = &self.inner;
        let (share, feed_bytes) = (inner.budget.join(), inner.options.feed_bytes);
        let feed = Arc::new(Feed::new(job.clone(), position, feed_bytes, share));
        let slot = feed.lock().join(inner.now())?;
        // Before the feed is registered: a store may take its time to begin a watch, and viewers of other jobs must not
        // wait for it.
        let options = follow_options(&inner.options);
        let follower = Follower::new(&*inner.store, &*inner.jobs, job, position, options);
        if !inner.registry.insert(&feed) {
            return None;
        }
        let upstream = Upstream::new(inner.clone(), feed.clone(), follower);
        inner.tasks.spawn_on(upstream.run(), &inner.runtime);
        Some(JoinedFeed { feed, slot })
    }

    /// Makes a viewer of a slot. A drain that began before has not seen it, so it is broken off here.
    fn admit(&self, joined: JoinedFeed) -> Viewer {
        let viewer = Viewer::new(self.inner.clone(), joined);
        if self.inner.registry.is_draining() {
            viewer.break_off();
        }
        viewer
    }
}

fn follow_options(options: &HubOptions) -> FollowOptions {
    FollowOptions::default()
        .read(options.read)
        .end(EndRules {
            quiet: options.end_quiet,
            limit: options.end_limit,
        })
        .retry(options.retry)
}

/// How many of `total` are due when `elapsed` of `window` has passed.
fn count_due(total: usize, elapsed: Duration, window: Duration) -> usize {
    if elapsed >= window {
        return total;
    }
    // The window is longer than what has elapsed, so it is not zero, and the part is not more than the whole.
    let part = total as u128 * elapsed.as_nanos() / window.as_nanos();
    usize::try_from(part).unwrap_or(total)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use log_store::MemoryStore;
    use tokio::runtime;

    use super::*;

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let store = Arc::new(MemoryStore::new());
        let made = Hub::new(store.clone(), store, HubOptions::default());
        assert_eq!(made.err(), Some(HubError::NoRuntime));
    }

    #[test]
    fn a_feed_that_is_busy_holds_up_no_viewer_of_another_job() {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .enable_time()
            .build()
            .unwrap();
        let store = Arc::new(MemoryStore::new());
        let options = HubOptions::default();
        let hub = runtime.block_on(async { Hub::new(store.clone(), store, options) });
        let hub = hub.unwrap();
        let (opened, has_opened) = mpsc::sync_channel(1);
        let open = |job: &str| {
            let (hub, opened) = (hub.clone(), opened.clone());
            let job: JobId = job.parse().unwrap();
            runtime.spawn(async move {
                let start = Start::After(EntryId::ZERO);
                let viewer = hub.open(&job, start).await.unwrap().into_viewer();
                opened.send(viewer.unwrap()).unwrap();
            });
        };
        let patience = Duration::from_secs(30);
        open("busy");
        let viewer = has_opened.recv_timeout(patience).unwrap();
        let feed = hub.inner.registry.all().pop().unwrap();
        let state = feed.lock();
        // A second viewer of the busy feed waits for its lock.
        open("busy");
        let second = has_opened.recv_timeout(Duration::from_millis(200));
        assert!(second.is_err(), "it waits");
        open("other");
        let other = has_opened.recv_timeout(patience).unwrap();
        assert_eq!(other.job().as_str(), "other");
        drop(state);
        has_opened.recv_timeout(patience).unwrap();
        drop(viewer);
    }
}
