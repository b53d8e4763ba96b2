//! Reporting each gap once.

use crate::entry_id::EntryId;
use crate::line::Line;
use crate::resume::{Gap, LogBounds, gap_after, gap_at};

/// A gap that a read of the log has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundGap {
    /// The gap.
    pub gap: Gap,
    /// The greatest id that had been deleted one by one when the gap was found. Reporting the gap reports all deletions
    /// up to this id.
    pub deleted_up_to: EntryId,
}

/// Remembers the gap that a reader was told of last, so that the reader is told of each gap once.
///
/// [`gap_after`] looks at one read only. A line that was deleted far above the reader's position shows in every read on
/// the way to it, and would be reported with each of them.
///
/// ```
/// use log_domain::{EntryId, GapTracker, LogBounds};
///
/// let mut gaps = GapTracker::default();
/// let cursor = EntryId::new(7, 0); // a log that is gone: nothing is there after the cursor
/// let found = gaps.unreported(cursor, &[], &LogBounds::ABSENT);
/// gaps.mark_reported(found.ok_or("a gap")?);
/// assert_eq!(gaps.unreported(cursor, &[], &LogBounds::ABSENT), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct GapTracker {
    last_reported: Option<FoundGap>,
}

impl GapTracker {
    /// The gap that a read after `cursor` shows, unless the reader was told of it. `lines` and `bounds` are what the
    /// read has found.
    #[must_use]
    pub fn unreported(
        &self,
        cursor: EntryId,
        lines: &[Line],
        bounds: &LogBounds,
    ) -> Option<FoundGap> {
        let deleted_up_to = bounds.max_deleted_id;
        let deletions_known = self
            .last_reported
            .is_some_and(|last| deleted_up_to <= last.deleted_up_to);
        let bounds = LogBounds {
            max_deleted_id: if deletions_known {
                EntryId::ZERO
            } else {
                deleted_up_to
            },
            ..*bounds
        };
        let gap = gap_after(cursor, lines, &bounds)?;
        self.unless_known(gap, deleted_up_to, deletions_known)
    }

    /// The gap after a cursor that was lost, unless the reader was told of it.
    #[must_use]
    pub fn unreported_loss(
        &self,
        cursor: EntryId,
        lines: &[Line],
        bounds: &LogBounds,
    ) -> Option<FoundGap> {
        let gap = gap_at(cursor, lines, bounds);
        self.unless_known(gap, bounds.max_deleted_id, true)
    }

    fn unless_known(
        &self,
        gap: Gap,
        deleted_up_to: EntryId,
        deletions_known: bool,
    ) -> Option<FoundGap> {
        // The same gap is reported again where more lines were deleted since.
        let is_known = deletions_known && self.last_reported.is_some_and(|last| last.gap == gap);
        (!is_known).then_some(FoundGap { gap, deleted_up_to })
    }

    /// Notes that the reader was told of this gap.
    ///
    /// Only the last one counts: a log that was lost and made anew has its own deletions, so older knowledge is of no use.
    pub fn mark_reported(&mut self, found: FoundGap) {
        self.last_reported = Some(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    /// What a read after `cursor` shows that found the lines 8 and 10 of a log whose first six lines are trimmed.
    fn find(gaps: &GapTracker, cursor: EntryId, max_deleted_id: EntryId) -> Option<FoundGap> {
        let line = |ms| Line {
            id: id(ms),
            ts: None,
            source: None,
            text: None,
            phase: None,
            open: false,
        };
        let bounds = LogBounds {
            first_id: Some(id(7)),
            last_id: id(10),
            max_deleted_id,
            entries_added: 10,
            length: 3,
        };
        gaps.unreported(cursor, &[line(8), line(10)], &bounds)
    }

    #[test]
    fn a_deletion_is_reported_once_on_the_way_to_it() {
        let mut gaps = GapTracker::default();
        gaps.mark_reported(find(&gaps, id(7), id(9)).unwrap());
        assert_eq!(find(&gaps, id(8), id(9)), None);
        assert!(find(&gaps, id(8), id(10)).is_some(), "another deletion");
    }

    #[test]
    fn the_same_gap_is_reported_again_only_where_more_was_deleted() {
        let mut gaps = GapTracker::default();
        gaps.mark_reported(find(&gaps, id(3), EntryId::ZERO).unwrap());
        assert_eq!(find(&gaps, id(3), EntryId::ZERO), None);
        assert!(find(&gaps, id(3), id(9)).is_some());
        assert!(
            find(&gaps, id(4), EntryId::ZERO).is_some(),
            "at another position"
        );
    }
}
