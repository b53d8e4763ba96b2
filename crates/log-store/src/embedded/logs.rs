//! Logs in the embedded store: the traits for reading and appending lines.

use async_trait::async_trait;
use log_domain::{Batch, EntryId, JobId, LogBounds, Order, ReadLimit, Span};

use super::layout::MAX_LINE_BYTES;
use super::store::EmbeddedStore;
use super::tables::Tables;
use crate::append::{LogAppend, NewLine};
use crate::error::{StoreError, StoreRefused};
use crate::lines::{LogStore, LogWatch, TailRead};
use crate::noticed_watch::NoticedWatch;

#[async_trait]
impl LogStore for EmbeddedStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.read(&job, span, order, limit))
            .await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.tail(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.bounds(&job)).await
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(NoticedWatch {
            store: self.clone(),
            notice: self.inner.logs.subscribe(job),
        })
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.snapshot(|_| Ok(())).await
    }
}

#[async_trait]
impl LogAppend for EmbeddedStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let bytes = check_length(lines)?;
        let (job, lines) = (job.clone(), lines.to_vec());
        let append = move |tables: &mut Tables<'_>| tables.append(&job, &lines);
        let appended = self.writer.write_lines(bytes, append);
        Ok(appended.await?.map_err(StoreRefused::new)?)
    }
}

/// About how many bytes lines have in the file. Refuses lines that are too long for it.
pub(super) fn check_length(lines: &[NewLine]) -> Result<usize, StoreError> {
    let mut all = 0;
    for line in lines {
        let bytes = line.bytes();
        if bytes > MAX_LINE_BYTES {
            return Err(StoreRefused::new("a line is longer than 1 GiB").into());
        }
        all += bytes + 64;
    }
    Ok(all)
}
