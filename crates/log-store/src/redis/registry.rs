//! The registry of watches: which keys are watched, and the flag of every watch.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::share::Share;
use super::slot_map::slot_of;
use super::watch_flag::WatchFlag;

/// All watches of one store. Whatever may have changed a key raises flags here; it never waits for a reader.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The flags of each key. A key is in this map exactly as long as something watches it.
    flags: Mutex<HashMap<Arc<str>, Watched>>,
    /// Spreads the keys over slices.
    hasher: RandomState,
    /// How often all flags were raised at once.
    resyncs: AtomicU64,
}

/// The watches of one key.
#[derive(Debug)]
struct Watched {
    slot: u16,
    flags: Vec<Arc<WatchFlag>>,
}

impl Registry {
    /// Adds a watch of `key`. Dropping the handle removes it.
    pub(super) fn watch(self: &Arc<Self>, key: String) -> WatchHandle {
        let key: Arc<str> = key.into();
        let flag = Arc::new(WatchFlag::new(Arc::clone(&key)));
        let slot = slot_of(&key);
        let none = || Watched {
            slot,
            flags: Vec::new(),
        };
        let mut all = self.flags.lock();
        let watched = all.entry(key).or_insert_with(none);
        watched.flags.push(Arc::clone(&flag));
        drop(all);
        WatchHandle {
            registry: Arc::clone(self),
            flag,
        }
    }

    /// Flags the watches of one key. The server says that the key has changed.
    pub(super) fn flag(&self, key: &str) {
        if let Some(watched) = self.flags.lock().get(key) {
            watched.push();
        }
    }

    /// Flags every watch of what a server serves, because a change may have been missed. The number of reads that follow at
    /// once is limited by the connection.
    pub(super) fn flag_share(&self, share: &Share) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
        let all = self.flags.lock();
        let served = all.values().filter(|watched| share.contains(watched.slot));
        served.for_each(Watched::raise);
    }

    /// Flags every watch in these slots, which are in order.
    pub(super) fn flag_slots(&self, slots: &[u16]) {
        let all = self.flags.lock();
        let concerned = all
            .values()
            .filter(|watched| slots.binary_search(&watched.slot).is_ok());
        concerned.for_each(Watched::raise);
    }

    /// Divides the keys into `total` slices and flags the watches of `count` slices, from number `first` on, as far as a
    /// server serves them.
    pub(super) fn flag_slices(&self, share: &Share, first: u64, count: u64, total: u64) {
        for (key, watched) in self.flags.lock().iter() {
            let slice = self.hasher.hash_one(key) % total;
            if (slice + total - first % total) % total < count && share.contains(watched.slot) {
                watched.raise();
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

impl Watched {
    fn push(&self) {
        self.flags.iter().for_each(|flag| flag.push());
    }

    fn raise(&self) {
        self.flags.iter().for_each(|flag| flag.raise());
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
        if let Some(watched) = all.get_mut(&self.flag.key) {
            watched.flags.retain(|flag| !Arc::ptr_eq(flag, &self.flag));
            if watched.flags.is_empty() {
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
        for handle in &handles {
            handle.flag.lower();
        }
        registry.flag("k");
        registry.flag("unknown");
        let raised = handles.map(|handle| handle.flag.is_raised());
        assert_eq!(raised, [true, true, false]);
    }

    #[test]
    fn consecutive_slices_reach_every_watch_once() {
        let registry = Arc::new(Registry::default());
        let handles: Vec<_> = (0..100).map(|n| registry.watch(n.to_string())).collect();
        for handle in &handles {
            handle.flag.lower();
        }
        let mut flagged = 0;
        for (first, count) in [(14, 3), (17, 1), (2, 8), (10, 4)] {
            registry.flag_slices(&Share::Everything, first, count, 16);
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
