//! Faults of tickets and of revocations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;
use log_store::{RevocationWatch, Revocations, StoreError, TicketKey, Tickets};

use super::{Fault, Planted, SOON};

#[async_trait]
impl Tickets for Planted {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        let life = if self.has(Fault::OldTickets) {
            life + SOON
        } else {
            life
        };
        self.store.put(key, grant, life).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        let taken = self.store.take(key).await?;
        if let Some(grant) = &taken
            && self.has(Fault::EndlessTickets)
        {
            self.store.put(key, grant, SOON).await?;
        }
        Ok(taken)
    }
}

#[async_trait]
impl Revocations for Planted {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        if self.has(Fault::RepeatedRevocations) {
            let other = format!("{message}-{call}");
            return self.store.revoke(&other, revocations, keep).await;
        }
        self.store.revoke(message, revocations, keep).await
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        self.store.watch_revocations()
    }
}
