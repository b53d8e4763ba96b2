//! What a followed log reports, from Redis and from the API alike.

use std::fmt;

use jiff::Timestamp;
use log_client::Ending;
use log_domain::{EntryId, Line};

/// Something happened to a followed log.
#[derive(Debug)]
pub(crate) enum Event {
    /// The next line.
    Line(Line),
    /// Lines may be missing here.
    Gap(MissingLines),
    /// The log has ended. This is the last event.
    Done(Ending),
    /// The log cannot be read now, for this reason. The next call tries again.
    Unavailable(String),
    /// The log can be read, for the first time or again.
    Available,
    /// There is nothing new.
    Idle,
}

/// Lines that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MissingLines {
    /// The position before them.
    pub(crate) after_id: EntryId,
    /// The first line after them that still exists.
    pub(crate) first_id: Option<EntryId>,
    /// How many they are, if this is known.
    pub(crate) count: Option<u64>,
}

impl fmt::Display for MissingLines {
    /// For example: `5 lines are missing here, from 2026-01-01T10:00:00Z (after 1767261600000-0) to …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(1) => f.write_str("1 line is missing here")?,
            Some(count) => write!(f, "{count} lines are missing here")?,
            None => f.write_str("lines are missing here, nobody knows how many")?,
        }
        match (self.after_id, self.first_id) {
            (EntryId::ZERO, None) => Ok(()),
            (EntryId::ZERO, Some(first)) => write!(f, ": everything before {}", At(first)),
            (after, None) => write!(f, ": everything after {}", At(after)),
            (after, Some(first)) => write!(f, ": between {} and {}", At(after), At(first)),
        }
    }
}

/// A line as its id, with its time if the id is one that Redis has made of the time.
struct At(EntryId);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0;
        let ms = i64::try_from(id.ms())
            .ok()
            .filter(|ms| *ms >= FIRST_TIME_MS);
        match ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()) {
            Some(at) => write!(f, "{at:.0} ({id})"),
            None => write!(f, "{id}"),
        }
    }
}

/// The year 2001. Smaller ids were chosen by a producer.
const FIRST_TIME_MS: i64 = 1_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_lines_are_told_with_their_number_and_times() {
        let text = |after_id, first_id, count| {
            MissingLines {
                after_id,
                first_id,
                count,
            }
            .to_string()
        };
        let (early, late) = (
            EntryId::new(1_767_261_600_000, 0),
            EntryId::new(1_767_261_660_500, 3),
        );
        assert_eq!(
            text(early, Some(late), Some(1200)),
            "1200 lines are missing here: between 2026-01-01T10:00:00Z (1767261600000-0) and 2026-01-01T10:01:00Z (1767261660500-3)"
        );
        assert_eq!(
            text(EntryId::ZERO, Some(late), Some(1)),
            "1 line is missing here: everything before 2026-01-01T10:01:00Z (1767261660500-3)"
        );
        assert_eq!(
            text(EntryId::new(5, 0), None, None),
            "lines are missing here, nobody knows how many: everything after 5-0"
        );
        assert_eq!(
            text(EntryId::ZERO, None, Some(7)),
            "7 lines are missing here"
        );
    }
}
