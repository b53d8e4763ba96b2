//! The wrapper over a store of tickets and revocations.

use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;

use super::{FaultyStore, FaultyWatch};
use crate::{RevocationWatch, Revocations, StoreError, TicketKey, Tickets};

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

    fn watch(&self) -> Box<dyn RevocationWatch> {
        Box::new(FaultyWatch::new(self.inner.watch(), &self.faults))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl RevocationWatch for FaultyWatch<Box<dyn RevocationWatch>> {
    async fn changed(&mut self) {
        while let Some(line) = self.hearing.silence().await {
            tokio::select! {
                biased;
                told = self.hearing.disturbed(line) => if told { return },
                () = self.inner.changed() => return,
            }
        }
    }

    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError> {
        let begun = self.hearing.begin();
        // Not `call`: news that were read and then lost would be lost for ever.
        self.hearing
            .faults
            .call(std::future::ready(Ok::<_, StoreError>(())))
            .await?;
        let news = self.inner.news().await?;
        self.hearing.saw(begun);
        Ok(news)
    }
}
