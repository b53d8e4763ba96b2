//! Times as producers write them.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400_000;

/// A time as producers write it into lines and jobs (wire contract, `ts`): ISO 8601, UTC, with milliseconds. A time before 1970
/// is written as 1970 began.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = UNIX_EPOCH + Duration::from_millis(1_763_805_600_120);
/// assert_eq!(log_domain::iso_8601(time), "2025-11-22T10:00:00.120Z");
/// ```
#[must_use]
pub fn iso_8601(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let (year, month, day) = date(millis / DAY);
    let (of_day, ms) = (millis % DAY / 1000, millis % 1000);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date of a day, counted from 1970-01-01. Counts from a year that begins in March, so that a leap day is its last.
const fn date(days: u64) -> (u64, u64, u64) {
    const FOUR_CENTURIES: u64 = 146_097;
    // From 0000-03-01 to 1970-01-01.
    let days = days + 719_468;
    let (era, of_era) = (days / FOUR_CENTURIES, days % FOUR_CENTURIES);
    let leap_days = of_era / 1460 + of_era / (FOUR_CENTURIES - 1) - of_era / 36_524;
    let year_of_era = (of_era - leap_days) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (951_868_800, "2000-03-01T00:00:00.007Z"),
            (1_709_164_800, "2024-02-29T00:00:00.007Z"),
            (1_767_225_599, "2025-12-31T23:59:59.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_millis(secs * 1000 + 7);
            assert_eq!(iso_8601(time), expected);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(iso_8601(before), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn the_days_of_800_years_follow_each_other() {
        let mut before = date(0);
        for days in 1..(2 * 146_097) {
            let (year, month, day) = date(days);
            let (last_year, last_month, last_day) = before;
            let follows = (year, month, day) == (last_year, last_month, last_day + 1)
                || (year, month, day) == (last_year, last_month + 1, 1) && last_day >= 28
                || (year, month, day) == (last_year + 1, 1, 1)
                    && (last_month, last_day) == (12, 31);
            assert!(
                follows && day <= 31 && month <= 12,
                "{before:?} → {year}-{month}-{day}"
            );
            before = (year, month, day);
        }
        assert_eq!(before, (2769, 12, 31));
    }
}
