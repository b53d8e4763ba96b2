//! Watches of logs and jobs: a slot that is flagged, and reads that arm it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, Job, LogBounds, ReadLimit};
use tokio::time::{Instant, sleep_until};

use super::Core;
use super::reads;
use super::registry::Seat;
use super::session::{Noticed, Session};
use super::slot::Baseline;
use crate::error::StoreError;
use crate::jobs::JobWatch;
use crate::lines::{LogWatch, TailRead};

/// When a read failed, or was given up before its answer came, the watch may not be armed: it asks to be read again
/// after this pause.
const READ_AGAIN: Duration = Duration::from_millis(250);

/// A watch of one key.
pub(super) struct Watch {
    /// The store, kept alive with its watches.
    core: Arc<Core>,
    /// Where changes are flagged.
    seat: Seat,
    /// Until when to wait at most: set while a read is under way, and after one that failed.
    read_again: Option<Instant>,
}

impl Watch {
    pub(super) const fn new(core: Arc<Core>, seat: Seat) -> Self {
        Self {
            core,
            seat,
            read_again: None,
        }
    }

    /// Waits for the flag, or for the pause after a failed read. The moment is fixed when the read begins, so that a
    /// caller who gives up and waits again, again and again, still gets there (W5).
    async fn wait(&self) {
        match self.read_again {
            None => self.seat.slot.flagged().await,
            Some(moment) => tokio::select! {
                () = self.seat.slot.flagged() => {}
                () = sleep_until(moment) => {}
            },
        }
    }

    fn begin_read(&mut self) {
        self.read_again = Some(Instant::now() + READ_AGAIN);
        self.seat.slot.begin_read();
    }

    /// What was read ahead, as much of it as is asked for.
    fn take_found(&self, after: EntryId, limit: ReadLimit) -> Option<TailRead> {
        let TailRead { lines, bounds, .. } = self.seat.slot.take_found(after)?;
        let Batch { lines, more } = Batch::cut(lines, limit);
        if more {
            // The rest is read.
            self.seat.slot.flag();
        }
        Some(TailRead {
            lines,
            more,
            bounds,
        })
    }

    fn end_read(&mut self, baseline: Option<Baseline>) {
        self.read_again = None;
        self.seat.slot.end_read(baseline);
    }
}

#[async_trait]
impl LogWatch for Watch {
    async fn changed(&mut self) {
        self.wait().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        if let Some(found) = self.take_found(after, limit) {
            return Ok(found);
        }
        self.begin_read();
        let key = &*self.seat.slot.key;
        let read = async |session: Session| {
            let before = match session.noticed {
                Noticed::ByPolling => Some(reads::bounds(&session, key).await?),
                Noticed::ByTracking | Noticed::Never => None,
            };
            let onward = reads::onward(&session, key, after, limit).await?;
            Ok((onward, before))
        };
        let (onward, before) = self.core.tail.read(read).await?;
        self.end_read(before.map(Baseline::Log));
        match before {
            Some(before) if !held_still(&before, &onward) => self.seat.slot.flag(),
            Some(_) => {}
            None if onward.is_at_end(after) => self.seat.may_be_read_ahead(onward.bounds),
            None => {}
        }
        Ok(onward)
    }
}

/// Whether a log looked the same before a read and after it. Where it did not, it may come to look again as it did
/// before, and no poll would tell that from a log that never changed: lines that were read would be gone unnoticed.
fn held_still(before: &LogBounds, read: &TailRead) -> bool {
    let seen = read.lines.last().map_or(EntryId::ZERO, |line| line.id);
    *before == read.bounds && seen <= before.last_id
}

#[async_trait]
impl JobWatch for Watch {
    async fn changed(&mut self) {
        self.wait().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        self.begin_read();
        let key = &*self.seat.slot.key;
        let read = async |session: Session| {
            let job = reads::job(&session, key).await?;
            let baseline = match session.noticed {
                Noticed::ByPolling => Some(Baseline::Job(job.clone())),
                Noticed::ByTracking | Noticed::Never => None,
            };
            Ok((job, baseline))
        };
        let (job, baseline) = self.core.tail.read(read).await?;
        self.end_read(baseline);
        Ok(job)
    }
}
