//! Telling each gap once.

use log_domain::{EntryId, Gap, LogBounds, gap_after};
use log_store::TailRead;

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
    pub(crate) fn news(&self, read: &TailRead, cursor: EntryId) -> Option<Missing> {
        let deleted_up_to = read.bounds.max_deleted_id;
        let known = self
            .0
            .is_some_and(|told| deleted_up_to <= told.deleted_up_to);
        let bounds = LogBounds {
            max_deleted_id: if known { EntryId::ZERO } else { deleted_up_to },
            ..read.bounds
        };
        let gap = gap_after(cursor, &read.lines, &bounds)?;
        // The same words again are news where more was deleted meanwhile.
        let is_told = known && self.0.is_some_and(|told| told.gap == gap);
        (!is_told).then_some(Missing { gap, deleted_up_to })
    }

    /// Notes that the reader has been told. A log that was lost and made anew has deletions of its own, so what was
    /// known before does not count any more.
    pub(crate) fn tell(&mut self, missing: Missing) {
        self.0 = Some(missing);
    }
}

#[cfg(test)]
mod tests {
    use log_domain::Line;

    use super::*;

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    /// A read that found the lines 8 and 10 of a log whose first six are trimmed.
    fn read(max_deleted_id: EntryId) -> TailRead {
        let line = |ms| Line {
            id: id(ms),
            ts: None,
            source: None,
            text: None,
            phase: None,
        };
        TailRead {
            lines: vec![line(8), line(10)],
            more: false,
            bounds: LogBounds {
                first_id: Some(id(7)),
                last_id: id(10),
                max_deleted_id,
                entries_added: 10,
                length: 3,
            },
        }
    }

    #[test]
    fn a_deletion_is_news_once_on_the_way_to_it() {
        let mut told = Told::default();
        let missing = told.news(&read(id(9)), id(7)).unwrap();
        told.tell(missing);
        assert_eq!(told.news(&read(id(9)), id(8)), None);
        assert!(told.news(&read(id(10)), id(8)).is_some(), "another one");
    }

    #[test]
    fn the_same_gap_is_news_again_only_where_more_was_deleted() {
        let mut told = Told::default();
        let missing = told.news(&read(EntryId::ZERO), id(3)).unwrap();
        told.tell(missing);
        assert_eq!(told.news(&read(EntryId::ZERO), id(3)), None);
        assert!(told.news(&read(id(9)), id(3)).is_some());
        assert!(
            told.news(&read(EntryId::ZERO), id(4)).is_some(),
            "elsewhere"
        );
    }
}
