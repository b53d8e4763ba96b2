//! Tickets and revocations of one process, in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::error::StoreError;
use crate::notice::{Notice, Notices};

/// Tickets and revocations for a service of one process, in memory. Clones share them.
///
/// A restart loses the tickets, so clients ask for new ones. It also loses the revocations: a token of an ended session is
/// valid again until it expires, which takes a minute at most for Clerk's own tokens.
#[derive(Debug, Clone, Default)]
pub struct LocalAccess {
    kept: Arc<Mutex<Kept>>,
    notices: Arc<Notices<()>>,
}

#[derive(Debug, Default)]
struct Kept {
    tickets: Expiring<TicketKey, String>,
    /// By number, in order.
    revocations: Expiring<u64, Revocation>,
    /// The ids of processed messages.
    messages: Expiring<String, ()>,
    /// How many revocations there were.
    count: u64,
}

impl LocalAccess {
    /// Without tickets and revocations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many watches there are.
    #[cfg(feature = "memory")]
    pub(crate) fn watched(&self) -> usize {
        self.notices.watched()
    }
}

#[async_trait]
impl Tickets for LocalAccess {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        self.kept.lock().tickets.put(*key, grant.into(), life);
        Ok(())
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        Ok(self.kept.lock().tickets.take(key))
    }
}

#[async_trait]
impl Revocations for LocalAccess {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        let mut kept = self.kept.lock();
        if kept.messages.contains(message) {
            return Ok(false);
        }
        kept.messages.put(message.into(), (), keep);
        for revocation in revocations {
            kept.count += 1;
            let number = kept.count;
            kept.revocations.put(number, revocation.clone(), keep);
        }
        drop(kept);
        self.notices.notify(&());
        Ok(true)
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        Box::new(LocalWatch {
            access: self.clone(),
            notice: self.notices.subscribe(&()),
            seen: 0,
        })
    }
}

#[derive(Debug)]
struct LocalWatch {
    access: LocalAccess,
    notice: Notice<()>,
    /// The number of the last revocation that was read.
    seen: u64,
}

#[async_trait]
impl RevocationWatch for LocalWatch {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let version = self.notice.version();
        let kept = self.access.kept.lock();
        let mut news: Vec<_> = kept
            .revocations
            .iter()
            .filter(|(number, _)| **number > self.seen)
            .collect();
        news.sort_unstable_by_key(|(number, _)| **number);
        let news = news.into_iter().map(|(_, revoked)| revoked.clone());
        let news = news.collect();
        self.seen = kept.count;
        drop(kept);
        self.notice.mark_read(version);
        Ok(news)
    }
}

/// A map whose entries expire.
#[derive(Debug)]
struct Expiring<K, V> {
    entries: HashMap<K, (V, Instant)>,
    /// With this many entries, expired ones are removed. It grows with the map, so that this costs little for each entry.
    cleanup_at: usize,
}

impl<K, V> Default for Expiring<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            cleanup_at: 64,
        }
    }
}

impl<K: Eq + Hash, V> Expiring<K, V> {
    fn put(&mut self, key: K, value: V, life: Duration) {
        let now = Instant::now();
        if self.entries.len() >= self.cleanup_at {
            self.entries.retain(|_, (_, end)| *end > now);
            self.cleanup_at = 2 * self.entries.len().max(32);
        }
        self.entries.insert(key, (value, now + life));
    }

    fn take(&mut self, key: &K) -> Option<V> {
        let (value, end) = self.entries.remove(key)?;
        (end > Instant::now()).then_some(value)
    }

    fn contains<Q>(&self, key: &Q) -> bool
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let found = self.entries.get(key);
        found.is_some_and(|(_, end)| *end > Instant::now())
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let now = Instant::now();
        let alive = self.entries.iter().filter(move |(_, (_, end))| *end > now);
        alive.map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn expired_entries_are_removed() {
        let access = LocalAccess::new();
        for n in 0..200_u8 {
            let key = TicketKey::new([n; 32]);
            access.put(&key, "", Duration::from_secs(1)).await.unwrap();
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        assert!(access.kept.lock().tickets.entries.len() <= 64);
    }
}
