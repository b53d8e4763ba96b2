//! The keys that are accepted now. They are configuration, and can be replaced while the service runs.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use parking_lot::RwLock;

use super::api_key::KeyDigest;
use super::key_entry::KeyEntry;

/// All keys. Readers see either the old list or the new one.
#[derive(Default)]
pub struct KeyRing {
    entries: RwLock<Arc<[Arc<KeyEntry>]>>,
}

/// Does not show the keys.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

/// Why a key is refused, as `reason` names it.
pub(super) type Reason = &'static str;

impl KeyRing {
    /// These keys.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = KeyEntry>) -> Self {
        let ring = Self::default();
        ring.replace(entries);
        ring
    }

    /// From now on these keys are accepted, and no others.
    pub fn replace(&self, entries: impl IntoIterator<Item = KeyEntry>) {
        *self.entries.write() = entries.into_iter().map(Arc::new).collect();
    }

    /// The entry of a key.
    pub(super) fn find(&self, key: &str, now: Timestamp) -> Result<Arc<KeyEntry>, Reason> {
        let digest = KeyDigest::from_key(key).ok_or("key-malformed")?;
        let entry = self.by_digest(&digest).ok_or("key-unknown")?;
        if entry.is_expired(now) {
            return Err("key-expired");
        }
        Ok(entry)
    }

    /// Whether an entry that was found before is still accepted.
    pub(super) fn still_has(&self, entry: &KeyEntry, now: Timestamp) -> bool {
        let found = self.by_digest(&entry.digest);
        found.is_some_and(|found| *found == *entry && !found.is_expired(now))
    }

    /// Looks at every entry, whether it has found one or not, so that the time tells nothing.
    fn by_digest(&self, digest: &KeyDigest) -> Option<Arc<KeyEntry>> {
        let entries = Arc::clone(&self.entries.read());
        let mut found = None;
        for entry in entries.iter() {
            if verify_slices_are_equal(&entry.digest.0, &digest.0).is_ok() {
                found = Some(Arc::clone(entry));
            }
        }
        found
    }
}
