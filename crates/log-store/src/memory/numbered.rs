//! Numbered lines in the store in memory.

use async_trait::async_trait;
use log_domain::{JobId, Numbering, Placement, ProducerName, ProducerState};

use super::data::stored;
use super::{KEPT_LINES, MemoryStore};
use crate::{NewLine, NumberedAppend, NumberedAppendError, NumberedAppended, StoreError};

#[async_trait]
impl NumberedAppend for MemoryStore {
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError> {
        let mut data = self.data.lock();
        let known = |log: &super::Log| log.producers.get(batch.producer()).copied();
        let state = data.log(job).and_then(known);
        let count = lines.len() as u64;
        let (duplicate, resumed) = match Placement::new(state.as_ref(), batch, count) {
            Placement::Append { known, resumed } => (known, resumed),
            Placement::Gap { next } => return Err(NumberedAppendError::Gap { next }),
            Placement::StaleEpoch { epoch } => {
                return Err(NumberedAppendError::StaleEpoch { epoch });
            }
        };
        if duplicate == count {
            let nothing = NumberedAppended::for_no_lines(state.as_ref(), batch)?;
            return Ok(NumberedAppended {
                duplicate,
                ..nothing
            });
        }
        let log = data.log_mut(job);
        for line in lines
            .iter()
            .skip(usize::try_from(duplicate).unwrap_or(usize::MAX))
        {
            let id = log.next_id()?;
            log.push(id, stored(id, line));
        }
        let state = ProducerState {
            epoch: batch.epoch(),
            next: batch.first() + count,
            last_id: log.last_id,
        };
        log.producers.insert(batch.producer().clone(), state);
        log.trim_to(KEPT_LINES);
        drop(data);
        self.logs.notify(job);
        Ok(NumberedAppended {
            next: state.next,
            appended: count - duplicate,
            duplicate,
            last_id: Some(state.last_id),
            resumed,
        })
    }

    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError> {
        let mut data = self.data.lock();
        Ok(data
            .log(job)
            .and_then(|log| log.producers.get(producer).copied()))
    }
}
