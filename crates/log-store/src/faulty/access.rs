//! The fault-injecting store: tickets and revocations.

use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;

use super::store::FaultyStore;
use super::watch::FaultyWatch;
use crate::access::{RevocationWatch, Revocations, TicketKey, Tickets};
use crate::error::StoreError;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Tickets> Tickets for FaultyStore<S> {
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError> {
        self.faults.call(self.inner.put(key, grant, life)).await
    }

    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError> {
        self.faults.call(self.inner.take(key)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Revocations> Revocations for FaultyStore<S> {
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError> {
        self.faults
            .call(self.inner.revoke(message, revocations, keep))
            .await
    }

    fn watch_revocations(&self) -> Box<dyn RevocationWatch> {
        Box::new(FaultyWatch::new(
            self.inner.watch_revocations(),
            &self.faults,
        ))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl RevocationWatch for FaultyWatch<Box<dyn RevocationWatch>> {
    async fn changed(&mut self) {
        let Self { inner, filter } = self;
        filter.changed(inner, |watch| watch.changed()).await;
    }

    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let notices = self.filter.begin_read();
        // The read is outside the call that may fail: news that were read and then lost would be lost for ever.
        self.filter
            .faults
            .call(std::future::ready(Ok::<_, StoreError>(())))
            .await?;
        let news = self.inner.news().await?;
        self.filter.end_read(notices);
        Ok(news)
    }
}
