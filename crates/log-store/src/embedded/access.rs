//! Tickets and revocations in the embedded store. They survive a restart: a session that has ended stays ended.

use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;
use redb::ReadableTable;

use super::error::damaged;
use super::store::EmbeddedStore;
use super::tables::{Change, Tables, millis};
use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::error::StoreError;
use crate::notice::Notice;
use crate::revocation_text::{from_text, to_text};

impl Tables<'_> {
    fn put_ticket(
        &mut self,
        key: &TicketKey,
        grant: &str,
        life: Duration,
    ) -> Result<(), redb::Error> {
        let end = self.now.saturating_add(millis(life));
        self.tickets
            .insert(key.as_bytes().as_slice(), (end, grant))?;
        self.dirty = true;
        Ok(())
    }

    fn take_ticket(&mut self, key: &TicketKey) -> Result<Option<String>, redb::Error> {
        let taken = self.tickets.remove(key.as_bytes().as_slice())?;
        let taken = taken.map(|kept| {
            let (end, grant) = kept.value();
            (end, grant.to_owned())
        });
        self.dirty |= taken.is_some();
        let now = self.now;
        Ok(taken.filter(|(end, _)| *end > now).map(|(_, grant)| grant))
    }

    /// Keeps what a message revokes, unless the message was processed.
    fn revoke(
        &mut self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, redb::Error> {
        let known = self.messages.get(message)?.map(|end| end.value());
        if known.is_some_and(|end| end > self.now) {
            return Ok(false);
        }
        let end = self.now.saturating_add(millis(keep));
        self.messages.insert(message, end)?;
        let last = self.revocations.last()?.map(|(number, _)| number.value());
        for (number, revocation) in (last.unwrap_or(0) + 1..).zip(revocations) {
            self.revocations
                .insert(number, (end, to_text(revocation).as_str()))?;
        }
        self.dirty = true;
        self.changes.push(Change::Access);
        Ok(true)
    }

    /// Removes what has expired. The newest revocation stays, because the numbers go on behind it.
    pub(super) fn sweep_access(&mut self) -> Result<(), redb::Error> {
        let now = self.now;
        let newest = self.revocations.last()?.map(|(number, _)| number.value());
        let mut removed = 0;
        for entry in self.tickets.extract_if(|_, (end, _)| end <= now)? {
            entry?;
            removed += 1;
        }
        for entry in self.messages.extract_if(|_, end| end <= now)? {
            entry?;
            removed += 1;
        }
        let old = self
            .revocations
            .extract_if(|number, (end, _)| end <= now && Some(number) != newest)?;
        for entry in old {
            entry?;
            removed += 1;
        }
        self.dirty |= removed > 0;
        Ok(())
    }
}

#[async_trait]
impl Tickets for EmbeddedStore {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        let (key, grant) = (*key, grant.to_owned());
        let put = move |tables: &mut Tables<'_>| tables.put_ticket(&key, &grant, life);
        Ok(self.writer.write(put).await?)
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        let key = *key;
        let take = move |tables: &mut Tables<'_>| tables.take_ticket(&key);
        Ok(self.writer.write(take).await?)
    }
}

#[async_trait]
impl Revocations for EmbeddedStore {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        let (message, revocations) = (message.to_owned(), revocations.to_vec());
        let revoke = move |tables: &mut Tables<'_>| tables.revoke(&message, &revocations, keep);
        Ok(self.writer.write(revoke).await?)
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        Box::new(EmbeddedRevocations {
            store: self.clone(),
            notice: self.inner.access.subscribe(&()),
            seen: 0,
        })
    }
}

#[derive(Debug)]
struct EmbeddedRevocations {
    store: EmbeddedStore,
    notice: Notice<()>,
    /// The number of the last revocation that was read.
    seen: u64,
}

#[async_trait]
impl RevocationWatch for EmbeddedRevocations {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let version = self.notice.version();
        let seen = self.seen;
        let kept = self.store.snapshot(move |snapshot| {
            let parse = |(number, text): (u64, String)| {
                let revocation = from_text(&text).ok_or_else(|| damaged("a revocation"))?;
                Ok((number, revocation))
            };
            let kept = snapshot.revocations_after(seen)?;
            kept.into_iter()
                .map(parse)
                .collect::<Result<Vec<_>, redb::Error>>()
        });
        let kept = kept.await?;
        self.seen = kept.last().map_or(seen, |(number, _)| *number);
        self.notice.mark_read(version);
        Ok(kept.into_iter().map(|(_, revocation)| revocation).collect())
    }
}
