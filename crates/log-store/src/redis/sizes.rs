//! How large the entries of logs were when they were last read, so that the next read asks for as many as it can take.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many logs are remembered: 256 KiB of memory. Where two logs share a place, the later one counts.
const PLACES: usize = 32 * 1024;

/// A small memory of many logs. It may forget, and then a read begins with few entries.
#[derive(Debug)]
pub(super) struct Sizes {
    /// For each log half of its key's hash, and the size of its largest entry.
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Sizes {
    /// The size of the largest entry seen lately, where the log is remembered.
    pub(super) fn get(&self, key: &str) -> Option<usize> {
        let (place, mark) = self.place(key);
        let seen = place.load(Ordering::Relaxed);
        // A log that was seen has at least one byte.
        let size = usize::try_from(seen & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        (seen >> 32 == mark && size > 0).then_some(size)
    }

    /// Remembers the size of the largest entry.
    pub(super) fn set(&self, key: &str, largest: usize) {
        let (place, mark) = self.place(key);
        let size = u32::try_from(largest.max(1)).unwrap_or(u32::MAX);
        place.store(mark << 32 | u64::from(size), Ordering::Relaxed);
    }

    fn place(&self, key: &str) -> (&AtomicU64, u64) {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash).unwrap_or(usize::MAX) % self.places.len();
        (&self.places[index], hash >> 32)
    }
}

/// What to expect of a log after a read that has seen entries up to a size. A large one is forgotten slowly: where one came,
/// others may follow.
pub(super) fn expect(known: Option<usize>, seen: usize) -> usize {
    known.map_or(seen, |known| seen.max(known - known / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_remembered_by_its_key() {
        let sizes = Sizes::default();
        assert_eq!(sizes.get("a"), None);
        sizes.set("a", 120);
        sizes.set("b", 0);
        assert_eq!(sizes.get("a"), Some(120));
        assert_eq!(sizes.get("b"), Some(1));
        sizes.set("a", usize::MAX);
        assert_eq!(sizes.get("a"), Some(u32::MAX as usize));
    }

    #[test]
    fn many_logs_are_kept_apart_or_forgotten() {
        let sizes = Sizes::default();
        for n in 1..=100_000 {
            sizes.set(&n.to_string(), n);
        }
        let wrong = (1..=100_000).filter(|n| {
            let seen = sizes.get(&n.to_string());
            seen.is_some_and(|seen| seen != *n)
        });
        assert!(wrong.count() < 10);
    }

    #[test]
    fn a_large_line_is_forgotten_slowly() {
        let mut known = expect(None, 5_000_000);
        let mut reads = 0;
        while known > 8 * 1024 {
            known = expect(Some(known), 100);
            reads += 1;
        }
        assert!((40..60).contains(&reads), "{reads}");
        assert_eq!(expect(Some(100), 7_000), 7_000);
    }
}
