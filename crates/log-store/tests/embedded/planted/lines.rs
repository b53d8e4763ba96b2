//! Faults of lines and their watches.

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, JobId, LogBounds, Numbering, Order, ProducerName, ProducerState, ReadLimit,
    Span,
};
use log_store::{
    LogAppend, LogStore, LogWatch, NewLine, NumberedAppend, NumberedAppendError, NumberedAppended,
    StoreError, TailRead,
};

use super::{Fault, Planted};

impl Planted {
    /// The bounds as this store tells them.
    fn told(&self, bounds: LogBounds) -> LogBounds {
        if self.has(Fault::ForgetfulBounds) {
            return LogBounds {
                entries_added: bounds.length,
                ..bounds
            };
        }
        bounds
    }
}

#[async_trait]
impl LogStore for Planted {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let after = span.after.filter(|_| self.has(Fault::InclusiveReads));
        let after = after.map(|id| EntryId::new(id.ms().saturating_sub(1), u64::MAX));
        let after = after.or(span.after);
        self.store
            .read(job, Span { after, ..span }, order, limit)
            .await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let tail = self.store.read_after(job, after, limit).await?;
        let bounds = self.told(tail.bounds);
        Ok(TailRead { bounds, ..tail })
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        Ok(self.told(self.store.bounds(job).await?))
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        if self.has(Fault::LeakedWatches) {
            std::mem::forget(self.store.watch_log(job));
        }
        Box::new(Watch {
            behind: self.store.watch_log(job),
            store: self.clone(),
            was_asked: false,
        })
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Watch {
    behind: Box<dyn LogWatch>,
    store: Planted,
    was_asked: bool,
}

#[async_trait]
impl LogWatch for Watch {
    async fn changed(&mut self) {
        let was_asked = std::mem::replace(&mut self.was_asked, true);
        match self.store.fault {
            Fault::NoNotices if was_asked => std::future::pending().await,
            Fault::NoNotices | Fault::EndlessNotices => {}
            Fault::NoticesOnce => {
                self.behind.changed().await;
                // Reads, so that the notice is used up, and then takes its time.
                let _ = self
                    .behind
                    .read_after(EntryId::MAX, ReadLimit::lines(1))
                    .await;
                tokio::task::yield_now().await;
            }
            _ => self.behind.changed().await,
        }
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let tail = self.behind.read_after(after, limit).await?;
        let bounds = self.store.told(tail.bounds);
        Ok(TailRead { bounds, ..tail })
    }
}

#[async_trait]
impl LogAppend for Planted {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let mut lines = lines.to_vec();
        if self.has(Fault::ShuffledAppends) {
            lines.reverse();
        }
        let ids = self.store.append(job, &lines).await;
        if self.has(Fault::ShortLogs) {
            self.store.trim_to(job, 100);
        }
        ids
    }
}

#[async_trait]
impl NumberedAppend for Planted {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        let done = self.store.append_numbered(job, batch, lines).await?;
        if self.has(Fault::RepeatedBatches) && done.duplicate > 0 {
            self.store.append(job, lines).await?;
        }
        Ok(done)
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        self.store.producer(job, producer).await
    }
}
