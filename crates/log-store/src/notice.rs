//! Change notices inside one process: a version number for each watched log and job.
//!
//! A watch remembers the version at which its last successful read began. It gives notices as long as the current version is
//! another one. So no notice is lost by a dropped future, a failed read or a race.

use std::collections::HashMap;
use std::future::pending;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// The versions of everything that is watched.
#[derive(Debug)]
pub(crate) struct Notices<K: Eq + Hash + Clone> {
    senders: Arc<Mutex<HashMap<K, watch::Sender<u64>>>>,
}

impl<K: Eq + Hash + Clone> Default for Notices<K> {
    fn default() -> Self {
        Self {
            senders: Arc::default(),
        }
    }
}

impl<K: Eq + Hash + Clone> Notices<K> {
    /// Notifies every watch of `key`. Call it when the change can be read.
    pub(crate) fn notify(&self, key: &K) {
        if let Some(sender) = self.senders.lock().get(key) {
            sender.send_modify(|version| *version += 1);
        }
    }

    /// Begins to watch `key`. A new watch has a notice at once.
    pub(crate) fn subscribe(&self, key: &K) -> Notice<K> {
        let mut senders = self.senders.lock();
        let sender = senders
            .entry(key.clone())
            .or_insert_with(|| watch::Sender::new(0));
        Notice {
            key: key.clone(),
            versions: Some(sender.subscribe()),
            seen: None,
            senders: Arc::clone(&self.senders),
        }
    }

    /// How many keys are watched.
    #[cfg(any(feature = "memory", all(feature = "conformance", feature = "embedded")))]
    pub(crate) fn watched(&self) -> usize {
        self.senders.lock().len()
    }
}

/// One watch of one key.
#[derive(Debug)]
pub(crate) struct Notice<K: Eq + Hash + Clone> {
    key: K,
    /// `None` only during the drop.
    versions: Option<watch::Receiver<u64>>,
    /// The version when the last successful read began.
    seen: Option<u64>,
    senders: Arc<Mutex<HashMap<K, watch::Sender<u64>>>>,
}

impl<K: Eq + Hash + Clone> Notice<K> {
    #[cfg(any(feature = "memory", feature = "embedded"))]
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Waits until the version differs from the one that was read.
    pub(crate) async fn changed(&mut self) {
        let seen = self.seen;
        if let Some(versions) = &mut self.versions
            && versions
                .wait_for(|version| Some(*version) != seen)
                .await
                .is_ok()
        {
            return;
        }
        // Not reached: the sender lives as long as its watches.
        pending::<()>().await;
    }

    /// The current version. A read that begins now sees it.
    pub(crate) fn version(&self) -> Option<u64> {
        self.versions.as_ref().map(|versions| *versions.borrow())
    }

    /// A read that began at `version` succeeded.
    pub(crate) fn mark_read(&mut self, version: Option<u64>) {
        self.seen = version;
    }
}

impl<K: Eq + Hash + Clone> Drop for Notice<K> {
    fn drop(&mut self) {
        let mut senders = self.senders.lock();
        // Under the lock, so that nobody subscribes between the count and the removal.
        self.versions = None;
        if senders
            .get(&self.key)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            senders.remove(&self.key);
        }
    }
}
