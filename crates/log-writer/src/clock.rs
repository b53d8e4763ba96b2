//! Times in lines and jobs: ISO 8601, UTC, with milliseconds.

use jiff::Timestamp;

/// The current time of the wall clock.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// `2026-11-22T10:00:00.123Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The current time, as producers write it into jobs: ISO 8601, UTC, with milliseconds.
#[must_use]
pub fn timestamp() -> String {
    iso(now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_utc_with_milliseconds() {
        let at = Timestamp::from_millisecond(1_763_805_600_120).unwrap();
        assert_eq!(iso(at), "2025-11-22T10:00:00.120Z");
        assert_eq!(iso(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
