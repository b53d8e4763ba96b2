//! Numbered lines in the embedded store: the count of a producer changes in the transaction that appends its lines.

use async_trait::async_trait;
use log_domain::{EntryId, JobId, Numbering, Placement, ProducerName, ProducerState};
use redb::ReadableTable;

use super::layout::{producer_key, state_from_disk, state_to_disk};
use super::logs::check_length;
use super::store::EmbeddedStore;
use super::tables::{NoIdLeft, Tables};
use crate::append::NewLine;
use crate::error::{StoreError, StoreRefused};
use crate::numbered::{NumberedAppend, NumberedAppendError, NumberedAppended};

/// Why a batch was refused. The transaction goes on.
#[derive(Debug)]
pub(super) enum BatchRefused {
    Gap { next: u64 },
    StaleEpoch { epoch: u64 },
    NoIdLeft(NoIdLeft),
}

impl From<BatchRefused> for NumberedAppendError {
    fn from(refused: BatchRefused) -> Self {
        match refused {
            BatchRefused::Gap { next } => Self::Gap { next },
            BatchRefused::StaleEpoch { epoch } => Self::StaleEpoch { epoch },
            BatchRefused::NoIdLeft(error) => Self::Store(StoreRefused::new(error).into()),
        }
    }
}

type Placed = Result<NumberedAppended, BatchRefused>;

impl Tables<'_> {
    /// Appends the new lines of a batch, and counts them.
    pub(super) fn append_numbered(
        &mut self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<Placed, redb::Error> {
        let state = self.producer(job, batch.producer())?;
        let count = lines.len() as u64;
        let (known, resumed) = match Placement::new(state.as_ref(), batch, count) {
            Placement::Append { known, resumed } => (known, resumed),
            Placement::Gap { next } => return Ok(Err(BatchRefused::Gap { next })),
            Placement::StaleEpoch { epoch } => return Ok(Err(BatchRefused::StaleEpoch { epoch })),
        };
        let new = usize::try_from(known)
            .ok()
            .and_then(|known| lines.get(known..));
        let mut done = NumberedAppended {
            next: batch.first() + count,
            appended: count - known,
            duplicate: known,
            last_id: state.map(|state| state.last_id),
            resumed,
        };
        let Some(new @ [_, ..]) = new else {
            let same_epoch = state.filter(|state| state.epoch == batch.epoch());
            done.next = same_epoch.map_or(done.next, |state| state.next);
            return Ok(Ok(done));
        };
        let ids = match self.append(job, new)? {
            Ok(ids) => ids,
            Err(error) => return Ok(Err(BatchRefused::NoIdLeft(error))),
        };
        let last_id = ids.last().copied().unwrap_or(EntryId::ZERO);
        done.last_id = Some(last_id);
        let state = ProducerState {
            epoch: batch.epoch(),
            next: done.next,
            last_id,
        };
        if let Some(log) = self.log(job)? {
            let key = producer_key(log.number, batch.producer());
            self.producers.insert(key, state_to_disk(&state))?;
        }
        Ok(Ok(done))
    }

    /// What a log knows of a producer, unless the log is expired.
    fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, redb::Error> {
        let Some(log) = self.log(job)?.filter(|log| !self.is_expired(log)) else {
            return Ok(None);
        };
        let state = self.producers.get(producer_key(log.number, producer))?;
        Ok(state.map(|state| state_from_disk(state.value())))
    }

    /// Removes the counts of a deleted log.
    pub(super) fn remove_producers(&mut self, log: u64) -> Result<(), redb::Error> {
        let all = (log, "")..(log.saturating_add(1), "");
        for entry in self.producers.extract_from_if(all, |_, _| true)? {
            entry?;
        }
        Ok(())
    }
}

#[async_trait]
impl NumberedAppend for EmbeddedStore {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        if lines.is_empty() {
            let state = self.producer(job, batch.producer()).await?;
            return NumberedAppended::for_no_lines(state.as_ref(), batch);
        }
        let bytes = check_length(lines)?;
        let (job, batch, lines) = (job.clone(), batch.clone(), lines.to_vec());
        let append = move |tables: &mut Tables<'_>| tables.append_numbered(&job, &batch, &lines);
        let appended = self.writer.write_lines(bytes, append).await;
        let appended = appended.map_err(StoreError::from)?;
        Ok(appended?)
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        let (job, producer) = (job.clone(), producer.clone());
        self.snapshot(move |snapshot| snapshot.producer(&job, &producer))
            .await
    }
}
