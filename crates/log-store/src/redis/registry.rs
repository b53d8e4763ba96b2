//! What is watched: a slot for every watch, found by its key.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log_domain::{Job, LogBounds};
use tokio::sync::Notify;

/// All slots of one store. Whatever may have changed something sets flags here; it never waits for a reader.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The slots of each key. A key stands here exactly as long as something watches it.
    slots: Mutex<HashMap<Arc<str>, Vec<Arc<Slot>>>>,
    /// Spreads the keys over the slices of a sweep.
    spread: RandomState,
    /// How often everything was flagged at once.
    resyncs: AtomicU64,
}

impl Registry {
    /// Adds a watch of `key`; it is taken out when the seat is dropped.
    pub(super) fn take_seat(self: &Arc<Self>, key: String) -> Seat {
        let key: Arc<str> = key.into();
        let slot = Arc::new(Slot {
            key: Arc::clone(&key),
            flag: AtomicBool::new(true),
            wake: Notify::new(),
            baseline: Mutex::new(None),
        });
        let mut slots = self.slots();
        slots.entry(key).or_default().push(Arc::clone(&slot));
        Seat {
            registry: Arc::clone(self),
            slot,
        }
    }

    /// Flags the watches of one key.
    pub(super) fn flag(&self, key: &str) {
        if let Some(slots) = self.slots().get(key) {
            slots.iter().for_each(|slot| slot.flag());
        }
    }

    /// Flags every watch: something may have been missed. The readers pace themselves (see `Link::read`).
    pub(super) fn flag_all(&self) {
        self.resyncs.fetch_add(1, Ordering::Relaxed);
        self.all().iter().for_each(|slot| slot.flag());
    }

    /// Flags one of `parts` parts of all watches, so that a sweep is spread over time.
    pub(super) fn flag_part(&self, part: u64, parts: u64) {
        for (key, slots) in self.slots().iter() {
            if self.spread.hash_one(key) % parts == part {
                slots.iter().for_each(|slot| slot.flag());
            }
        }
    }

    /// The watches that wait for a change and know what they saw last.
    pub(super) fn waiting(&self) -> Vec<(Arc<Slot>, Baseline)> {
        let with_baseline = |slot: Arc<Slot>| slot.baseline().map(|seen| (slot, seen));
        self.all().into_iter().filter_map(with_baseline).collect()
    }

    /// How many keys are watched.
    pub(super) fn len(&self) -> usize {
        self.slots().len()
    }

    /// How often everything was flagged at once.
    pub(super) fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    fn all(&self) -> Vec<Arc<Slot>> {
        self.slots().values().flatten().cloned().collect()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Arc<Slot>>>> {
        // The map is whole after every statement that changes it.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reader saw at its last read, for stores that must poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Baseline {
    /// The log, as it was before the read, and after it unless the watch is flagged.
    Log(LogBounds),
    /// The job, as it was read.
    Job(Option<Job>),
}

/// The mailbox of one watch. Level-triggered: the flag stays set until the next read begins.
#[derive(Debug)]
pub(super) struct Slot {
    /// The key that is watched.
    pub(super) key: Arc<str>,
    /// Whether the key may have changed since the last read began. True at first (W1).
    flag: AtomicBool,
    /// Wakes the one waiter; holds a permit if there is none, so no wake is lost (W5).
    wake: Notify,
    /// What the last read saw; `None` while one is running, and where pushes come.
    baseline: Mutex<Option<Baseline>>,
}

impl Slot {
    /// Says that the key may have changed.
    pub(super) fn flag(&self) {
        self.flag.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Waits until the key may have changed.
    pub(super) async fn flagged(&self) {
        while !self.flag.load(Ordering::Acquire) {
            self.wake.notified().await;
        }
    }

    /// Takes the flag down, before anything is read: whatever comes from now on sets it again.
    pub(super) fn begin_read(&self) {
        *self.seen() = None;
        self.flag.store(false, Ordering::Release);
    }

    /// Remembers what a read saw.
    pub(super) fn end_read(&self, baseline: Option<Baseline>) {
        *self.seen() = baseline;
    }

    /// What the last read saw, unless the watch knows already that it must read again.
    fn baseline(&self) -> Option<Baseline> {
        if self.flag.load(Ordering::Acquire) {
            return None;
        }
        self.seen().clone()
    }

    fn seen(&self) -> MutexGuard<'_, Option<Baseline>> {
        self.baseline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the registry, given back on drop (W7).
#[derive(Debug)]
pub(super) struct Seat {
    registry: Arc<Registry>,
    pub(super) slot: Arc<Slot>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.registry.slots();
        if let Some(slots) = all.get_mut(&self.slot.key) {
            slots.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
            if slots.is_empty() {
                all.remove(&self.slot.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    async fn is_flagged(slot: &Slot) -> bool {
        let flagged = timeout(Duration::from_millis(10), slot.flagged()).await;
        flagged.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_slot_is_flagged_until_it_is_read() {
        let registry = Arc::new(Registry::default());
        let seat = registry.take_seat("k".into());
        assert!(is_flagged(&seat.slot).await);
        assert!(is_flagged(&seat.slot).await);
        seat.slot.begin_read();
        assert!(!is_flagged(&seat.slot).await);
        registry.flag("k");
        registry.flag("other");
        assert!(is_flagged(&seat.slot).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flag_during_a_read_is_kept() {
        let registry = Arc::new(Registry::default());
        let seat = registry.take_seat("k".into());
        seat.slot.begin_read();
        registry.flag("k");
        seat.slot.end_read(Some(Baseline::Log(LogBounds::ABSENT)));
        assert_eq!(registry.waiting().len(), 0);
        assert!(is_flagged(&seat.slot).await);
    }

    #[tokio::test]
    async fn a_sweep_reaches_every_slot_once() {
        let registry = Arc::new(Registry::default());
        let seats: Vec<_> = (0..100)
            .map(|n| registry.take_seat(n.to_string()))
            .collect();
        seats.iter().for_each(|seat| seat.slot.begin_read());
        let mut flagged = 0;
        for part in 0..16 {
            registry.flag_part(part, 16);
            for seat in &seats {
                if seat.slot.flag.swap(false, Ordering::AcqRel) {
                    flagged += 1;
                }
            }
        }
        assert_eq!(flagged, 100);
    }

    #[test]
    fn a_dropped_seat_leaves_nothing_behind() {
        let registry = Arc::new(Registry::default());
        let first = registry.take_seat("k".into());
        let second = registry.take_seat("k".into());
        assert_eq!(registry.len(), 1);
        drop(first);
        assert_eq!(registry.len(), 1);
        drop(second);
        assert_eq!(registry.len(), 0);
    }
}
