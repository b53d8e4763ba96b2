//! Tickets and revocations of the store in memory.

use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;

use super::MemoryStore;
use crate::{RevocationWatch, Revocations, StoreError, TicketKey, Tickets};

#[async_trait]
impl Tickets for MemoryStore {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        self.access.put(key, grant, life).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        self.access.take(key).await
    }
}

#[async_trait]
impl Revocations for MemoryStore {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        self.access.revoke(message, revocations, keep).await
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        self.access.watch_revocations()
    }
}
