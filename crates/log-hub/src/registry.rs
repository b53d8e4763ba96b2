//! Which feeds there are: those that can be joined, and those that have ended and still have viewers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use log_domain::JobId;
use parking_lot::Mutex;

use crate::feed::Feed;

/// The feeds of a hub.
///
/// **Invariant:** nothing else is locked, read or encoded under this lock, so that no job can hold up the viewers of
/// another one.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    feeds: Mutex<Feeds>,
    /// Set by a drain: a new viewer is broken off at once.
    draining: AtomicBool,
}

#[derive(Debug, Default)]
struct Feeds {
    /// Those that can be joined. A feed leaves when it ends, or when nobody has watched for the linger.
    running: HashMap<JobId, Arc<Feed>>,
    /// Those that have ended. Their viewers may still catch up: they need ticks, and a drain must find them. A feed
    /// leaves when its last viewer does.
    ended: Vec<Weak<Feed>>,
}

/// A slot in a feed, taken for a viewer.
#[derive(Debug)]
pub(crate) struct JoinedFeed {
    pub(crate) feed: Arc<Feed>,
    pub(crate) slot: usize,
}

impl Registry {
    /// Whether a drain has begun. Ask this after joining a feed: a drain that begins later sees the new viewer.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// From now on a drain has begun.
    pub(crate) fn begin_drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Joins the feed of a job, if one runs.
    pub(crate) fn join_running(&self, job: &JobId, tick: u64) -> Option<JoinedFeed> {
        let feed = self.feeds.lock().running.get(job).cloned()?;
        let slot = feed.lock().join(tick);
        match slot {
            Some(slot) => Some(JoinedFeed { feed, slot }),
            None => {
                // It has ended for want of viewers, and is about to leave.
                self.feeds.lock().remove(&feed);
                None
            }
        }
    }

    /// Whether a feed of this job can be joined.
    pub(crate) fn has_running(&self, job: &JobId) -> bool {
        self.feeds.lock().running.contains_key(job)
    }

    /// Adds a feed, unless one runs for this job (then `false`).
    pub(crate) fn insert(&self, feed: &Arc<Feed>) -> bool {
        match self.feeds.lock().running.entry(feed.job.clone()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(feed.clone());
                true
            }
        }
    }

    /// Takes a feed that has ended out of those that can be joined.
    pub(crate) fn retire(&self, feed: &Arc<Feed>) {
        let mut feeds = self.feeds.lock();
        if feeds.remove(feed) {
            feeds.ended.push(Arc::downgrade(feed));
        }
    }

    /// Takes a feed without viewers out, unless a viewer has joined meanwhile (then `false`).
    pub(crate) fn retire_deserted(&self, feed: &Arc<Feed>) -> bool {
        if !feed.lock().close_if_deserted() {
            return false;
        }
        self.feeds.lock().remove(feed);
        true
    }

    /// Every feed that has viewers or can get some.
    pub(crate) fn all(&self) -> Vec<Arc<Feed>> {
        let mut feeds = self.feeds.lock();
        feeds.ended.retain(|feed| feed.strong_count() > 0);
        let ended = feeds.ended.iter().filter_map(Weak::upgrade);
        feeds.running.values().cloned().chain(ended).collect()
    }
}

impl Feeds {
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
