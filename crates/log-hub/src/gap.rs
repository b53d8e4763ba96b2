//! Telling each gap once.

use log_domain::{EntryId, Gap, LogBounds, gap_after};
use log_store::Onward;

/// A gap, as a read of the store showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) gap: Gap,
    /// The greatest id that had been deleted one by one: the gap tells of all deletions up to it.
    pub(crate) deleted_up_to: EntryId,
}

/// What a reader has been told last.
///
/// A read judges its own cursor alone. A line deleted far above the cursor would be told again with every batch on
/// the way to it, and a gap that the ring has told again by the store, where the ring let go of the lines after it.
#[derive(Debug, Default)]
pub(crate) struct Told(Option<Missing>);

impl Told {
    /// The gap that a read after `cursor` shows, unless the reader knows of it.
    pub(crate) fn news(&self, read: &Onward, cursor: EntryId) -> Option<Missing> {
        let deleted_up_to = read.bounds.max_deleted_id;
        let known = self
            .0
            .is_some_and(|told| deleted_up_to <= told.deleted_up_to);
        let bounds = LogBounds {
            max_deleted_id: if known { EntryId::ZERO } else { deleted_up_to },
            ..read.bounds
        };
        let gap = gap_after(cursor, &read.lines, &bounds)?;
        let is_told = self.0.is_some_and(|told| told.gap == gap);
        (!is_told).then_some(Missing { gap, deleted_up_to })
    }

    /// Notes that the reader has been told. A log that was lost and made anew has deletions of its own, so what was
    /// known before does not count any more.
    pub(crate) fn tell(&mut self, missing: Missing) {
        self.0 = Some(missing);
    }
}
