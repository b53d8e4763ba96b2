//! Watches of the embedded store.

use async_trait::async_trait;
use log_domain::{EntryId, Job, JobId, ReadLimit};

use super::store::EmbeddedStore;
use crate::error::StoreError;
use crate::jobs::JobWatch;
use crate::lines::{LogWatch, TailRead};
use crate::notice::Notice;

/// A watch of a log or of a job. Its notice comes either from the logs or from the jobs.
#[derive(Debug)]
pub(super) struct EmbeddedWatch {
    pub(super) store: EmbeddedStore,
    pub(super) notice: Notice<JobId>,
}

#[async_trait]
impl LogWatch for EmbeddedWatch {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let version = self.notice.version();
        let tail = self.store.tail(self.notice.key(), after, limit).await?;
        self.notice.mark_read(version);
        Ok(tail)
    }
}

#[async_trait]
impl JobWatch for EmbeddedWatch {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        let version = self.notice.version();
        let job = self.store.job(self.notice.key()).await?;
        self.notice.mark_read(version);
        Ok(job)
    }
}
