//! Which feeds there are: those that can be joined, and those that have ended and still have viewers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use log_domain::JobId;

use crate::feed::Feed;

/// The feeds of a hub. Its lock is taken before that of a feed, never the other way round.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    feeds: Mutex<Feeds>,
}

#[derive(Debug, Default)]
struct Feeds {
    /// Those that can be joined. A feed leaves when it ends or has been deserted for long.
    running: HashMap<JobId, Arc<Feed>>,
    /// Those that have ended. Their viewers may still catch up: they want their ticks, and to be drained. A feed
    /// leaves when its last viewer does.
    ended: Vec<Weak<Feed>>,
    /// Set by a drain: nobody is let in any more.
    closed: bool,
}

/// A place in a feed, taken for a viewer.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) feed: Arc<Feed>,
    pub(crate) key: usize,
}

/// Nobody is let in any more.
#[derive(Debug)]
pub(crate) struct Closed;

impl Registry {
    /// Whether somebody may still be let in.
    pub(crate) fn check_open(&self) -> Result<(), Closed> {
        self.lock().check_open()
    }

    /// Joins the feed of a job, if one runs.
    pub(crate) fn join_running(&self, job: &JobId, tick: u64) -> Result<Option<Joined>, Closed> {
        let feeds = self.lock();
        feeds.check_open()?;
        Ok(feeds.running.get(job).map(|feed| Joined::new(feed, tick)))
    }

    /// Joins the feed of a job, which is made if none runs.
    pub(crate) fn join(
        &self,
        job: &JobId,
        tick: u64,
        make: impl FnOnce() -> Arc<Feed>,
    ) -> Result<Joined, Closed> {
        let mut feeds = self.lock();
        feeds.check_open()?;
        let feed = feeds.running.entry(job.clone()).or_insert_with(make);
        Ok(Joined::new(feed, tick))
    }

    /// Lets nobody in from now on, whoever is on the way in included.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Takes a feed out of those that can be joined.
    pub(crate) fn retire(&self, feed: &Arc<Feed>) {
        let mut feeds = self.lock();
        if feeds.remove(feed) && !feed.lock().is_deserted() {
            feeds.ended.push(Arc::downgrade(feed));
        }
    }

    /// Takes a feed out of those that can be joined, unless somebody has joined it meanwhile (`false`).
    pub(crate) fn retire_deserted(&self, feed: &Arc<Feed>) -> bool {
        let mut feeds = self.lock();
        let deserted = feed.lock().is_deserted();
        if deserted {
            feeds.remove(feed);
        }
        deserted
    }

    /// Every feed that has viewers or can get some.
    pub(crate) fn all(&self) -> Vec<Arc<Feed>> {
        let mut feeds = self.lock();
        feeds.ended.retain(|feed| feed.strong_count() > 0);
        let ended = feeds.ended.iter().filter_map(Weak::upgrade);
        feeds.running.values().cloned().chain(ended).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feeds {
    fn check_open(&self) -> Result<(), Closed> {
        if self.closed { Err(Closed) } else { Ok(()) }
    }

    /// Whether the feed was there to be removed, and not another one of its job.
    fn remove(&mut self, feed: &Arc<Feed>) -> bool {
        let registered = self.running.get(&feed.job);
        let found = registered.is_some_and(|registered| Arc::ptr_eq(registered, feed));
        if found {
            self.running.remove(&feed.job);
        }
        found
    }
}

impl Joined {
    /// Under the registry's lock, so that the feed cannot leave the registry before it sees the viewer.
    fn new(feed: &Arc<Feed>, tick: u64) -> Self {
        let key = feed.lock().join(tick);
        let feed = feed.clone();
        Self { feed, key }
    }
}
