//! Where a stream begins, and whether lines after a reader's position may be missing.

use crate::entry_id::EntryId;
use crate::line::Line;

/// Where a viewer wants its stream to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Only lines appended from now on.
    Live,
    /// All lines after an id; `0-0` means the whole log. Other ids are those of lines that somebody was given.
    After(EntryId),
    /// All lines after a time, as `<milliseconds>-0`. There need not be a line of this id.
    AfterTime(EntryId),
}

impl Start {
    /// The start of a request. The `Last-Event-ID` header wins over `after_id`, because a client that reconnects
    /// repeats its first URL. Both win over `from=start`.
    #[must_use]
    pub fn from_request(
        last_event_id: Option<EntryId>,
        after_id: Option<EntryId>,
        from_start: bool,
    ) -> Self {
        let start_of_log = from_start.then_some(EntryId::ZERO);
        last_event_id
            .or(after_id)
            .or(start_of_log)
            .map_or(Self::Live, Self::After)
    }

    /// This start, with its cursor taken for a time.
    #[must_use]
    pub const fn as_time(self) -> Self {
        match self {
            Self::After(id) | Self::AfterTime(id) => Self::AfterTime(id),
            Self::Live => Self::Live,
        }
    }

    /// The cursor the client sent, if any.
    #[must_use]
    pub const fn cursor(self) -> Option<EntryId> {
        match self {
            Self::Live => None,
            Self::After(id) | Self::AfterTime(id) => Some(id),
        }
    }
}

/// What a log still has, and what it ever had.
///
/// ```text
///   1-0   2-0   3-0   4-0   5-0   6-0
///   trimmed…  │ first_id        last_id      entries_added = 6, length = 4
/// ```
///
/// Redis counts these numbers for every stream (`XINFO STREAM`, Redis 7). After `XTRIM` or `MAXLEN`, `entries_added` is
/// greater than `length`. After `XDEL`, `max_deleted_id` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBounds {
    /// The oldest line that is still there.
    pub first_id: Option<EntryId>,
    /// The greatest id ever generated; `0-0` if the log does not exist. The line itself may be gone.
    pub last_id: EntryId,
    /// The greatest id that was ever deleted by itself; `0-0` if none was. Trimming does not count.
    pub max_deleted_id: EntryId,
    /// How many lines were ever appended.
    pub entries_added: u64,
    /// How many lines are there now.
    pub length: u64,
}

impl LogBounds {
    /// Whether a line of this id, if there ever was one, must still be there: it was not trimmed, nor deleted by itself.
    #[must_use]
    pub fn must_have(&self, id: EntryId) -> bool {
        let is_retained = self.first_id.is_some_and(|first| id >= first);
        is_retained && id <= self.last_id && id > self.max_deleted_id
    }

    /// A log that does not exist: it was never written, has expired, or was deleted.
    pub const ABSENT: Self = Self {
        first_id: None,
        last_id: EntryId::ZERO,
        max_deleted_id: EntryId::ZERO,
        entries_added: 0,
        length: 0,
    };

    /// Whether all lines that were ever appended are still there.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.entries_added == self.length
    }

    /// How many lines after a position are gone. `before` lines were ever appended up to the position. `None` if this
    /// cannot be known, because some lines up to the position are still there.
    #[must_use]
    pub fn missing_after(&self, position: EntryId, before: u64) -> Option<u64> {
        let all_are_after = self.first_id.is_none_or(|first| first > position);
        let gone = self.entries_added.checked_sub(before + self.length)?;
        (all_are_after && gone > 0).then_some(gone)
    }
}

/// Lines that a reader may have missed, and where it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The reader's position before the gap.
    pub after_id: EntryId,
    /// The first line after it that is still there, if there is one.
    pub first_id: Option<EntryId>,
    /// Reading goes on after this id. It is the reader's position, or the end of the log if no line is left after the
    /// position.
    pub resume_after: EntryId,
}

/// Whether lines after `cursor` may be missing. When in doubt, it is a gap.
///
/// `lines` is a read of the lines after the cursor. `bounds` is what the log had at that read or later; if the read found
/// nothing, it must be what the log had **at** that read.
///
/// There is no gap:
///
/// - if the cursor is between the first id that is still there and the last generated id, both included, and no line after
///   it was deleted;
/// - if the cursor is `0-0` and the log still has all lines that it ever had.
#[must_use]
pub fn gap_after(cursor: EntryId, lines: &[Line], bounds: &LogBounds) -> Option<Gap> {
    let beyond_end = cursor > bounds.last_id;
    let retained = bounds.first_id.is_some_and(|first| cursor >= first);
    let at_end = cursor == bounds.last_id;
    let before_all = cursor == EntryId::ZERO && bounds.is_whole();
    let deleted_above = bounds.max_deleted_id > cursor;
    if !beyond_end && !deleted_above && (retained || at_end || before_all) {
        return None;
    }
    Some(gap_at(cursor, lines, bounds))
}

/// The gap after a cursor that lies within the log and is no line of it: it was one, and was lost, so others may have been
/// lost after it.
#[must_use]
pub fn gap_at(cursor: EntryId, lines: &[Line], bounds: &LogBounds) -> Gap {
    let first_id = lines.first().map(|line| line.id);
    // If no line is left after the cursor, the reader goes on at the end of the log.
    let resume_after = if first_id.is_some() {
        cursor
    } else {
        bounds.last_id
    };
    Gap {
        after_id: cursor,
        first_id,
        resume_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn line(ms: u64) -> Line {
        Line {
            id: id(ms),
            ts: None,
            source: None,
            text: None,
            phase: None,
            open: false,
        }
    }

    /// Ten lines appended, the first three trimmed.
    const TRIMMED: LogBounds = LogBounds {
        first_id: Some(id(4)),
        last_id: id(10),
        max_deleted_id: EntryId::ZERO,
        entries_added: 10,
        length: 7,
    };

    /// Three lines, all there.
    const WHOLE: LogBounds = LogBounds {
        first_id: Some(id(1)),
        last_id: id(3),
        max_deleted_id: EntryId::ZERO,
        entries_added: 3,
        length: 3,
    };

    #[test]
    fn the_header_wins_over_the_query_and_a_cursor_over_from() {
        let (a, b) = (Some(id(1)), Some(id(2)));
        assert_eq!(Start::from_request(a, b, true), Start::After(id(1)));
        assert_eq!(Start::from_request(None, b, true), Start::After(id(2)));
        assert_eq!(
            Start::from_request(None, None, true),
            Start::After(EntryId::ZERO)
        );
        assert_eq!(Start::from_request(None, None, false), Start::Live);
    }

    #[test]
    fn a_cursor_from_the_first_retained_to_the_last_generated_id_is_no_gap() {
        for ms in 4..=10 {
            assert_eq!(gap_after(id(ms), &[], &TRIMMED), None, "{ms}");
        }
    }

    #[test]
    fn a_cursor_before_the_first_retained_id_is_a_gap_with_both_ids() {
        let gap = gap_after(id(2), &[line(4)], &TRIMMED).unwrap();
        assert_eq!(
            (gap.after_id, gap.first_id, gap.resume_after),
            (id(2), Some(id(4)), id(2))
        );
    }

    #[test]
    fn the_start_is_a_gap_only_on_a_trimmed_log() {
        assert_eq!(gap_after(EntryId::ZERO, &[line(1)], &WHOLE), None);
        assert!(gap_after(EntryId::ZERO, &[line(4)], &TRIMMED).is_some());
    }

    #[test]
    fn a_cursor_of_an_earlier_log_is_a_gap_even_if_nothing_was_trimmed() {
        let whole = LogBounds {
            first_id: Some(id(2)),
            ..WHOLE
        };
        assert!(gap_after(id(1), &[line(2)], &whole).is_some());
    }

    #[test]
    fn a_cursor_beyond_the_end_is_a_gap_and_moves_to_the_end() {
        let gap = gap_after(id(11), &[], &TRIMMED).unwrap();
        assert_eq!((gap.first_id, gap.resume_after), (None, id(10)));
        let gap = gap_after(id(11), &[], &LogBounds::ABSENT).unwrap();
        assert_eq!((gap.first_id, gap.resume_after), (None, EntryId::ZERO));
    }

    #[test]
    fn an_absent_log_has_no_gap_at_its_start() {
        assert_eq!(gap_after(EntryId::ZERO, &[], &LogBounds::ABSENT), None);
    }

    #[test]
    fn a_deleted_line_is_a_gap_for_cursors_before_it_only() {
        let bounds = LogBounds {
            max_deleted_id: id(6),
            length: 6,
            ..TRIMMED
        };
        assert!(gap_after(id(5), &[line(7)], &bounds).is_some());
        assert_eq!(gap_after(id(6), &[line(7)], &bounds), None);
    }

    #[test]
    fn an_emptied_log_is_a_gap_for_every_cursor_but_its_last_id() {
        let emptied = LogBounds {
            first_id: None,
            length: 0,
            ..TRIMMED
        };
        assert_eq!(gap_after(id(10), &[], &emptied), None);
        let gap = gap_after(id(9), &[], &emptied).unwrap();
        assert_eq!((gap.first_id, gap.resume_after), (None, id(10)));
    }

    #[test]
    fn the_number_of_missing_lines_is_known_if_all_that_is_left_comes_after() {
        let bounds = LogBounds {
            first_id: Some(EntryId::new(7, 0)),
            last_id: EntryId::new(9, 0),
            max_deleted_id: EntryId::ZERO,
            entries_added: 9,
            length: 3,
        };
        let missing = |ms, before| bounds.missing_after(EntryId::new(ms, 0), before);
        assert_eq!(missing(0, 0), Some(6));
        assert_eq!(missing(4, 4), Some(2));
        assert_eq!(missing(6, 6), None);
        assert_eq!(missing(7, 7), None);
        // A log that was deleted and written anew.
        assert_eq!(missing(4, 400), None);
    }
}
