//! Appending numbered lines: a producer that sends a batch again, over any process, adds each of its lines once.

use async_trait::async_trait;
use log_domain::{EntryId, JobId, Numbering, ProducerName, ProducerState};
use thiserror::Error;

use crate::append::{LogAppend, NewLine};
use crate::error::StoreError;

/// What an append of numbered lines did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedAppended {
    /// The number of the line that the log wants next from this producer.
    pub next: u64,
    /// How many lines of the batch are new in the log.
    pub appended: u64,
    /// How many lines of the batch were in the log already.
    pub duplicate: u64,
    /// The id of the producer's last line; `None` if it has none.
    pub last_id: Option<EntryId>,
    /// False if the log knew nothing of the producer and the batch does not begin at line 0: the log, or what it knew, is
    /// gone, and the batch was taken as a new beginning.
    pub resumed: bool,
}

impl NumberedAppended {
    /// The answer to a batch without lines.
    #[cfg(any(feature = "redis", feature = "embedded", feature = "memory"))]
    pub(crate) fn for_no_lines(
        state: Option<&ProducerState>,
        batch: &Numbering,
    ) -> Result<Self, NumberedAppendError> {
        use log_domain::Placement;

        match Placement::new(state, batch, 0) {
            Placement::Append { resumed, .. } => Ok(Self {
                next: state
                    .filter(|state| state.epoch == batch.epoch())
                    .map_or_else(|| batch.first(), |state| state.next),
                appended: 0,
                duplicate: 0,
                last_id: state.map(|state| state.last_id),
                resumed,
            }),
            Placement::Gap { next } => Err(NumberedAppendError::Gap { next }),
            Placement::StaleEpoch { epoch } => Err(NumberedAppendError::StaleEpoch { epoch }),
        }
    }
}

/// Numbered lines could not be appended. Of the batch, nothing was appended, except after [`StoreError::Unavailable`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NumberedAppendError {
    /// Lines before the batch are missing.
    #[error("lines are missing: the log wants line {next}")]
    Gap {
        /// The number that the log wants.
        next: u64,
    },
    /// The producer has started anew; this batch is from before.
    #[error("the producer has started anew: its epoch is {epoch}")]
    StaleEpoch {
        /// The newest epoch.
        epoch: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Appends lines that their producer has numbered. [`log_domain::Placement`] is the rule.
///
/// # Contract
///
/// * **P1** A batch whose lines are all in the log MUST add nothing, and MUST succeed.
/// * **P2** Of a batch that overlaps what is in the log, the rest MUST be added, once and in order.
/// * **P3** A batch that begins above the wanted number MUST add nothing, and the error MUST say the wanted number.
/// * **P4** A batch of an older epoch MUST add nothing. A newer epoch MUST count from 0.
/// * **P5** Lines and count MUST change together or not at all, whichever process appends. A failed call MAY have added
///   the first of its lines; then the count says so, and the same call again adds the rest.
/// * **P6** Producers MUST NOT wait for each other, and their order in the log is that of their arrival.
/// * **P7** A count MUST live as long as the log, and MUST NOT outlive it.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn append_numbered(&self, job: &JobId, batch: &Numbering, lines: &[NewLine]) -> Result<NumberedAppended, NumberedAppendError>;
/// async fn producer(&self, job: &JobId, producer: &ProducerName) -> Result<Option<ProducerState>, StoreError>;
/// ```
#[async_trait]
pub trait NumberedAppend: LogAppend {
    /// Appends those lines of a batch that are not in the log yet. Without lines it changes nothing.
    async fn append_numbered(
        &self,
        job: &JobId,
        batch: &Numbering,
        lines: &[NewLine],
    ) -> Result<NumberedAppended, NumberedAppendError>;

    /// What the log knows of a producer. `None` if it knows nothing.
    async fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, StoreError>;
}
