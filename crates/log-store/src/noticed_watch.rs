//! The watch of the stores that make notices in their own process.

use async_trait::async_trait;
use log_domain::{EntryId, Job, JobId, ReadLimit};

use crate::error::StoreError;
use crate::jobs::{JobWatch, Jobs};
use crate::lines::{LogStore, LogWatch, TailRead};
use crate::notice::Notice;

/// A watch of a log or of a job. Its notice comes either from the logs or from the jobs.
#[derive(Debug)]
pub(crate) struct NoticedWatch<S> {
    pub(crate) store: S,
    pub(crate) notice: Notice<JobId>,
}

#[async_trait]
impl<S: LogStore> LogWatch for NoticedWatch<S> {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let version = self.notice.version();
        let read = self.store.read_after(self.notice.key(), after, limit);
        let tail = read.await?;
        self.notice.mark_read(version);
        Ok(tail)
    }
}

#[async_trait]
impl<S: Jobs> JobWatch for NoticedWatch<S> {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        let version = self.notice.version();
        let job = self.store.get(self.notice.key()).await?;
        self.notice.mark_read(version);
        Ok(job)
    }
}
