//! Change notices inside one process: a version for each watched log and job.
//!
//! A watch remembers the version it saw when its last successful read began, and is told as long as the current one
//! is another. So a notice cannot be lost by a dropped future, a failed read or a race: the level stays until a read.

use std::collections::HashMap;
use std::future::pending;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The versions of what is watched; what nobody watches has none.
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
    /// Tells every watch of `key` that something changed. Call it after the change can be read.
    pub(crate) fn notify(&self, key: &K) {
        if let Some(sender) = lock(&self.senders).get(key) {
            sender.send_modify(|version| *version += 1);
        }
    }

    /// Begins to watch `key`; a new watch is told at once.
    pub(crate) fn subscribe(&self, key: &K) -> Notice<K> {
        let mut senders = lock(&self.senders);
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
    #[cfg(feature = "conformance")]
    pub(crate) fn watched(&self) -> usize {
        lock(&self.senders).len()
    }
}

/// One watch of one key.
#[derive(Debug)]
pub(crate) struct Notice<K: Eq + Hash + Clone> {
    key: K,
    /// `None` only while it is dropped.
    versions: Option<watch::Receiver<u64>>,
    /// The version when the last successful read began.
    seen: Option<u64>,
    senders: Arc<Mutex<HashMap<K, watch::Sender<u64>>>>,
}

impl<K: Eq + Hash + Clone> Notice<K> {
    #[cfg(any(feature = "conformance", feature = "embedded"))]
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Waits until the version is another than the seen one.
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
        // The sender lives as long as a watch does, so this is not reached.
        pending::<()>().await;
    }

    /// The version now: what a read that begins now will have seen.
    pub(crate) fn version(&self) -> Option<u64> {
        self.versions.as_ref().map(|versions| *versions.borrow())
    }

    /// Says that a read which began at `version` succeeded.
    pub(crate) fn saw(&mut self, version: Option<u64>) {
        self.seen = version;
    }
}

impl<K: Eq + Hash + Clone> Drop for Notice<K> {
    fn drop(&mut self) {
        let mut senders = lock(&self.senders);
        // Under the lock, so that no subscription comes between the count and the removal.
        self.versions = None;
        if senders
            .get(&self.key)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            senders.remove(&self.key);
        }
    }
}

/// A poisoned map is still a map of versions: the panic was elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
