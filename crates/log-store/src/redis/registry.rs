//! What is watched: a slot for every watch, found by its key.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log_domain::LogBounds;
use tokio::sync::Notify;

use super::slot::{Baseline, Slot};

/// All slots of one store. Whatever may have changed something sets flags here; it never waits for a reader.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The slots of each key. A key stands here exactly as long as something watches it.
    slots: Mutex<HashMap<Arc<str>, Vec<Arc<Slot>>>>,
    /// Spreads the keys over the slices of a sweep.
    spread: RandomState,
    /// How often everything was flagged at once.
    resyncs: AtomicU64,
    /// How many logs are read ahead at most.
    few: usize,
    /// Told when one may be.
    one_more: Notify,
}

impl Registry {
    /// One of whose logs a `few` may be read ahead.
    pub(super) fn new(few: usize) -> Self {
        Self {
            few,
            ..Self::default()
        }
    }

    /// Adds a watch of `key`; it is taken out when the seat is dropped.
    pub(super) fn take_seat(self: &Arc<Self>, key: String) -> Seat {
        let key: Arc<str> = key.into();
        let slot = Arc::new(Slot::new(Arc::clone(&key)));
        let mut slots = self.slots();
        slots.entry(key).or_default().push(Arc::clone(&slot));
        Seat {
            registry: Arc::clone(self),
            slot,
        }
    }

    /// Flags the watches of one key, which the server says has changed.
    pub(super) fn flag(&self, key: &str) {
        if let Some(slots) = self.slots().get(key) {
            slots.iter().for_each(|slot| slot.pushed());
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

    /// Takes logs to be read ahead, each as its reader saw it last: a few, and only while few keys are watched.
    pub(super) fn take_few(&self) -> Vec<(Arc<Slot>, LogBounds)> {
        let slots = self.slots();
        if slots.len() > self.few_keys() {
            return Vec::new();
        }
        // Redis is told each key once.
        let alone = slots.values().filter_map(|slots| match &slots[..] {
            [alone] => Some(alone),
            _ => None,
        });
        let asked = alone.filter_map(|slot| Some((Arc::clone(slot), slot.ask()?)));
        asked.take(self.few).collect()
    }

    /// Returns when a log may be read ahead that could not be when this returned last.
    pub(super) async fn until_one_may_be_read_ahead(&self) {
        self.one_more.notified().await;
    }

    /// How many keys are watched.
    pub(super) fn len(&self) -> usize {
        self.slots().len()
    }

    /// How often everything was flagged at once.
    pub(super) fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    /// How many keys are watched at most where few logs are: with each its job, and some that are neither.
    const fn few_keys(&self) -> usize {
        3 * self.few
    }

    fn all(&self) -> Vec<Arc<Slot>> {
        self.slots().values().flatten().cloned().collect()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Arc<str>, Vec<Arc<Slot>>>> {
        // The map is whole after every statement that changes it.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the registry, given back on drop (W7).
#[derive(Debug)]
pub(super) struct Seat {
    registry: Arc<Registry>,
    pub(super) slot: Arc<Slot>,
}

impl Seat {
    /// Says that the reader waits at the end of a log that looked like this, and is pushed.
    pub(super) fn may_be_read_ahead(&self, seen: LogBounds) {
        self.slot.may_be_read_ahead(seen);
        if self.registry.len() <= self.registry.few_keys() {
            self.registry.one_more.notify_one();
        }
    }
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
    use super::*;

    /// Watches whose readers wait at the end of an absent log.
    fn waiting(registry: &Arc<Registry>, keys: usize) -> Vec<Seat> {
        let wait = |n: usize| {
            let seat = registry.take_seat(n.to_string());
            seat.slot.begin_read();
            seat.may_be_read_ahead(LogBounds::ABSENT);
            seat
        };
        (0..keys).map(wait).collect()
    }

    #[test]
    fn a_few_logs_are_taken_once_and_none_of_many() {
        let registry = Arc::new(Registry::new(2));
        let mut seats = waiting(&registry, 7);
        assert!(registry.take_few().is_empty(), "too many are watched");
        seats.pop();
        let taken = [(); 4].map(|()| registry.take_few().len());
        assert_eq!(taken, [2, 2, 2, 0]);
    }

    #[test]
    fn a_log_that_is_watched_twice_is_pushed() {
        let registry = Arc::new(Registry::new(2));
        let _seats = [waiting(&registry, 1), waiting(&registry, 1)];
        assert!(registry.take_few().is_empty());
    }

    #[test]
    fn a_push_flags_the_watches_of_its_key_alone() {
        let registry = Arc::new(Registry::default());
        let seats = ["k", "k", "other"].map(|key| registry.take_seat(key.into()));
        seats.iter().for_each(|seat| seat.slot.begin_read());
        registry.flag("k");
        registry.flag("unknown");
        assert_eq!(
            seats.map(|seat| seat.slot.is_flagged()),
            [true, true, false]
        );
    }

    #[test]
    fn a_flag_during_a_read_is_kept() {
        let registry = Arc::new(Registry::default());
        let seat = registry.take_seat("k".into());
        seat.slot.begin_read();
        registry.flag("k");
        seat.slot.end_read(Some(Baseline::Log(LogBounds::ABSENT)));
        assert_eq!(registry.waiting().len(), 0);
        assert!(seat.slot.is_flagged());
    }

    #[test]
    fn a_sweep_reaches_every_slot_once() {
        let registry = Arc::new(Registry::default());
        let seats: Vec<_> = (0..100)
            .map(|n| registry.take_seat(n.to_string()))
            .collect();
        seats.iter().for_each(|seat| seat.slot.begin_read());
        let mut flagged = 0;
        for part in 0..16 {
            registry.flag_part(part, 16);
            for seat in &seats {
                flagged += usize::from(seat.slot.is_flagged());
                seat.slot.begin_read();
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
