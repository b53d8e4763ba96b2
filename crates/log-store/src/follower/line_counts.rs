//! Noticing by the count of appended lines that lines were lost.
//!
//! The lines that were ever appended, less those after a position, are those up to it: that number never falls. If it does,
//! the log is an earlier one to which others have written since.

use log_domain::EntryId;

use crate::lines::TailRead;

/// How many lines were appended up to a follower's position, as far as that is known.
#[derive(Debug, Default)]
pub(super) struct LineCounts {
    up_to_position: Option<u64>,
}

impl LineCounts {
    /// Whether a read from the position finds fewer lines up to it than there were.
    pub(super) fn shows_loss(&self, read: &TailRead) -> bool {
        let Some(before) = self.up_to_position else {
            return false;
        };
        // The bounds may be of a later moment than the lines: then they count more, and never less.
        let up_to_position = read
            .bounds
            .entries_added
            .checked_sub(read.lines.len() as u64);
        !read.more && up_to_position.is_none_or(|now| now < before)
    }

    /// Notes a read, after which the follower is at `position`.
    pub(super) fn note(&mut self, read: &TailRead, position: EntryId) {
        let is_at_end = !read.more && read.bounds.last_id == position;
        self.up_to_position = is_at_end.then_some(read.bounds.entries_added);
    }
}

#[cfg(test)]
mod tests {
    use log_domain::{Line, LogBounds};

    use super::*;

    fn read(lines: u64, entries_added: u64, last: u64, more: bool) -> TailRead {
        let line = |n| Line {
            id: EntryId::new(n, 0),
            ts: None,
            source: None,
            text: None,
            phase: None,
            open: false,
        };
        TailRead {
            lines: (1..=lines).map(line).collect(),
            more,
            bounds: LogBounds {
                first_id: Some(EntryId::new(1, 0)),
                last_id: EntryId::new(last, 0),
                max_deleted_id: EntryId::ZERO,
                entries_added,
                length: entries_added,
            },
            lost: false,
        }
    }

    #[test]
    fn fewer_lines_up_to_the_position_than_before_are_a_loss() {
        let mut counts = LineCounts::default();
        counts.note(&read(0, 100, 9, false), EntryId::new(9, 0));
        assert!(!counts.shows_loss(&read(30, 130, 40, false)));
        assert!(counts.shows_loss(&read(30, 110, 40, false)));
        assert!(counts.shows_loss(&read(0, 80, 9, false)));
        assert!(
            !counts.shows_loss(&read(30, 110, 40, true)),
            "there is more"
        );
    }

    #[test]
    fn a_line_that_came_after_the_read_is_not_counted_up_to_the_position() {
        let mut counts = LineCounts::default();
        counts.note(&read(0, 101, 10, false), EntryId::new(9, 0));
        assert!(!counts.shows_loss(&read(1, 101, 10, false)));
    }
}
