//! The registry of watches: which keys are watched, and the flag of every watch.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::watch_flag::WatchFlag;

/// All watches of one store. Whatever may have changed a key raises flags here; it never waits for a reader.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The flags of each key. A key is in this map exactly as long as something watches it.
    flags: Mutex<HashMap<Arc<str>, Vec<Arc<WatchFlag>>>>,
    /// Spreads the keys over slices.
    hasher: RandomState,
    /// How often all flags were raised at once.
    resyncs: AtomicU64,
}

impl Registry {
    /// Adds a watch of `key`. Dropping the handle removes it.
    pub(super) fn watch(self: &Arc<Self>, key: String) -> WatchHandle {
        let key: Arc<str> = key.into();
        let flag = Arc::new(WatchFlag::new(Arc::clone(&key)));
        self.flags
            .lock()
            .entry(key)
            .or_default()
            .push(Arc::clone(&flag));
        WatchHandle {
            registry: Arc::clone(self),
            flag,
        }
    }

    /// Flags the watches of one key. The server says that the key has changed.
    pub(super) fn flag(&self, key: &str) {
        if let Some(flags) = self.flags.lock().get(key) {
            flags.iter().for_each(|flag| flag.raise());
        }
    }

    /// Flags every watch, because a change may have been missed. The number of reads that follow at once is limited by
    /// the connection.
    pub(super) fn flag_all(&self) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
        let all: Vec<_> = self.flags.lock().values().flatten().cloned().collect();
        all.iter().for_each(|flag| flag.raise());
    }

    /// Divides the keys into `total` slices and flags the watches of `count` slices, from number `first` on.
    pub(super) fn flag_slices(&self, first: u64, count: u64, total: u64) {
        for (key, flags) in self.flags.lock().iter() {
            let slice = self.hasher.hash_one(key) % total;
            if (slice + total - first % total) % total < count {
                flags.iter().for_each(|flag| flag.raise());
            }
        }
    }

    /// How many keys are watched.
    pub(super) fn len(&self) -> usize {
        self.flags.lock().len()
    }

    /// How often all flags were raised at once.
    pub(super) fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }
}

/// One watch in the registry. Dropping it removes the watch (W7).
#[derive(Debug)]
pub(super) struct WatchHandle {
    registry: Arc<Registry>,
    pub(super) flag: Arc<WatchFlag>,
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        let mut all = self.registry.flags.lock();
        if let Some(flags) = all.get_mut(&self.flag.key) {
            flags.retain(|flag| !Arc::ptr_eq(flag, &self.flag));
            if flags.is_empty() {
                all.remove(&self.flag.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_flags_only_the_watches_of_its_key() {
        let registry = Arc::new(Registry::default());
        let handles = ["k", "k", "other"].map(|key| registry.watch(key.into()));
        handles.iter().for_each(|handle| handle.flag.lower());
        registry.flag("k");
        registry.flag("unknown");
        let raised = handles.map(|handle| handle.flag.is_raised());
        assert_eq!(raised, [true, true, false]);
    }

    #[test]
    fn consecutive_slices_reach_every_watch_once() {
        let registry = Arc::new(Registry::default());
        let handles: Vec<_> = (0..100).map(|n| registry.watch(n.to_string())).collect();
        handles.iter().for_each(|handle| handle.flag.lower());
        let mut flagged = 0;
        for (first, count) in [(14, 3), (17, 1), (2, 8), (10, 4)] {
            registry.flag_slices(first, count, 16);
            for handle in &handles {
                flagged += usize::from(handle.flag.is_raised());
                handle.flag.lower();
            }
        }
        assert_eq!(flagged, 100);
    }

    #[test]
    fn a_dropped_handle_leaves_nothing_behind() {
        let registry = Arc::new(Registry::default());
        let first = registry.watch("k".into());
        let second = registry.watch("k".into());
        assert_eq!(registry.len(), 1);
        drop(first);
        assert_eq!(registry.len(), 1);
        drop(second);
        assert_eq!(registry.len(), 0);
    }
}
