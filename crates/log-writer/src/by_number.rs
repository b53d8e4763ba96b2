//! Appends through a [`NumberedAppend`]: an append without an answer is sent again under the same numbers, and nobody has to
//! read back.

use std::sync::Arc;

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, JobId, LogBounds, Numbering, Order, ProducerName, ReadLimit, Span,
};
use log_store::{
    LogAppend, LogStore, LogWatch, NewLine, NumberedAppend, NumberedAppendError, StoreError,
    StoreRefused, StoreUnavailable, TailRead,
};
use parking_lot::Mutex;
use tracing::warn;

/// Numbers the lines of one writer, which sends one batch at a time.
pub(crate) struct ByNumber {
    pub(crate) inner: Arc<dyn NumberedAppend>,
    pub(crate) producer: ProducerName,
    /// The epoch, and the number of the next line. It only moves when an append was answered.
    pub(crate) at: Mutex<(u64, u64)>,
}

impl ByNumber {
    pub(crate) fn new(inner: Arc<dyn NumberedAppend>, producer: ProducerName) -> Self {
        Self {
            inner,
            producer,
            at: Mutex::new((0, 0)),
        }
    }
}

#[async_trait]
impl LogAppend for ByNumber {
    /// The ids are not known line by line: only the last one is right, and only it is used.
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let (epoch, first) = *self.at.lock();
        let refused = |text: &str| StoreError::from(StoreRefused::new(text));
        let batch = Numbering::new(self.producer.clone(), epoch, first)
            .ok_or_else(|| refused("too many lines"))?;
        match self.inner.append_numbered(job, &batch, lines).await {
            Ok(done) => {
                *self.at.lock() = (epoch, done.next);
                Ok(vec![done.last_id.unwrap_or(EntryId::ZERO); lines.len()])
            }
            // The store has lost lines that it had acknowledged (a failover). They are gone here too. In a new epoch the
            // log goes on; the shipper sends these lines again.
            Err(NumberedAppendError::Gap { next }) => {
                let lost = first.saturating_sub(next);
                warn!(%job, lost, "the log has lost lines that it had taken; it goes on without them");
                *self.at.lock() = (epoch + 1, 0);
                Err(StoreUnavailable::new("the log has lost lines").into())
            }
            Err(NumberedAppendError::StaleEpoch { .. }) => {
                Err(refused("another worker has taken over"))
            }
            Err(NumberedAppendError::Store(error)) => Err(error),
            Err(error) => Err(StoreRefused::new(error).into()),
        }
    }
}

/// The log of a writer that numbers its lines. It reads nothing, because nothing has to be read back: the same lines are
/// sent again, under the same numbers.
#[derive(Debug)]
pub(crate) struct NothingToRead;

#[async_trait]
impl LogStore for NothingToRead {
    async fn read(&self, _: &JobId, _: Span, _: Order, _: ReadLimit) -> Result<Batch, StoreError> {
        Ok(Batch::default())
    }

    async fn read_after(
        &self,
        _: &JobId,
        _: EntryId,
        _: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        Ok(nothing())
    }

    async fn bounds(&self, _: &JobId) -> Result<LogBounds, StoreError> {
        Ok(LogBounds::ABSENT)
    }

    fn watch_log(&self, _: &JobId) -> Box<dyn LogWatch> {
        Box::new(NeverChanges)
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

const fn nothing() -> TailRead {
    TailRead {
        lines: Vec::new(),
        more: false,
        bounds: LogBounds::ABSENT,
        lost: false,
    }
}

#[derive(Debug)]
struct NeverChanges;

#[async_trait]
impl LogWatch for NeverChanges {
    async fn changed(&mut self) {
        std::future::pending::<()>().await;
    }

    async fn read_after(&mut self, _: EntryId, _: ReadLimit) -> Result<TailRead, StoreError> {
        Ok(nothing())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use log_store::{FaultyStore, MemoryStore};

    use super::*;
    use crate::{LogWriter, Stores};

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_numbers_its_lines_appends_each_once_through_outages() {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let job: JobId = "build-1".parse().unwrap();
        let stores = Stores::numbered(store.clone(), "w".parse().unwrap()).with_jobs(store.clone());
        let writer = LogWriter::builder(job.clone(), stores).start().unwrap();
        for n in 0..200 {
            writer.system(&n.to_string()).await;
            match n % 10 {
                3 => store.faults().fail_next(2),
                7 => store.faults().interrupt(),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        writer.flush().await.unwrap();
        let tail = store
            .inner()
            .read_after(&job, EntryId::ZERO, ReadLimit::lines(1_000));
        let texts: Vec<_> = tail
            .await
            .unwrap()
            .lines
            .into_iter()
            .map(|line| line.text.unwrap())
            .collect();
        let expected: Vec<_> = (0..200).map(|n| n.to_string()).collect();
        assert_eq!(texts, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_whose_producer_was_taken_over_loses_its_lines_and_says_so() {
        let store = Arc::new(MemoryStore::new());
        let job: JobId = "build-1".parse().unwrap();
        let newer = Numbering::new("w".parse().unwrap(), 5, 0).unwrap();
        let line = NewLine {
            text: Some("newer".into()),
            ..NewLine::default()
        };
        store.append_numbered(&job, &newer, &[line]).await.unwrap();
        let stores = Stores::numbered(store.clone(), "w".parse().unwrap()).with_jobs(store.clone());
        let writer = LogWriter::builder(job.clone(), stores).start().unwrap();
        writer.system("zombie").await;
        writer.flush().await.unwrap();
        assert_eq!(writer.stats().lost.lines, 1);
        assert_eq!(store.bounds(&job).await.unwrap().length, 1);
    }
}
