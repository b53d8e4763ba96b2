//! Times as producers write them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400_000;

/// A time as a producer writes it into lines and jobs (wire contract, `ts` and `created_at`): ISO 8601 by convention. Whatever a
/// producer wrote is kept as it is.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use log_domain::Timestamp;
///
/// let time = UNIX_EPOCH + Duration::from_millis(1_763_805_600_120);
/// let written = Timestamp::from(time);
/// assert_eq!(written.as_str(), "2025-11-22T10:00:00.120Z");
/// assert_eq!(written.time(), Some(time));
///
/// let foreign = Timestamp::from("2025-11-22T11:00:00.120999+01:00");
/// assert_eq!(foreign.time(), Some(time + Duration::from_micros(999)));
/// assert_eq!(Timestamp::from("yesterday").time(), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Timestamp(Box<str>);

impl Timestamp {
    /// The text, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The time that the text says: a date, `T` or a space, and a time of day to the second or finer, with `Z`, an offset, or
    /// nothing, which means UTC. `None` for every other text, and for a time before 1970.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        parse(&self.0)
    }
}

/// UTC with milliseconds, for example `2025-11-22T10:00:00.120Z`. A time before 1970 is written as 1970 began.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (year, month, day) = date(millis / DAY);
        let (of_day, ms) = (millis % DAY / 1000, millis % 1000);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z").into()
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Timestamp {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

/// The day of a date, counted from 1970-01-01. `None` for a date that does not exist, and before 1970.
fn day_of(year: u64, month: u64, day: u64) -> Option<u64> {
    // Of a year that begins in March, as in `date`.
    let (year, from_march) = match month {
        1 | 2 => (year.checked_sub(1)?, month + 9),
        3..=12 => (year, month - 3),
        _ => return None,
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let days = (365 * year + leap_days + of_year).checked_sub(719_468)?;
    // A day too many is one of the next month.
    let (_, real_month, real_day) = date(days);
    ((real_month, real_day) == (month, day)).then_some(days)
}

fn parse(text: &str) -> Option<SystemTime> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    // 60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, offset) = fraction(rest)?;
    let offset = offset_seconds(offset)?;
    let seconds = day_of(year, month, day)? * (DAY / 1000) + hour * 3600 + minute * 60 + second;
    let seconds = seconds.checked_add_signed(-offset)?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// Three numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |digits| number(parts.next()?, digits);
    Some([next(digits[0])?, next(digits[1])?, next(digits[2])?])
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The nanoseconds of a fraction, if there is one, and what follows it. Finer digits do not count.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(text) = text.strip_prefix(['.', ',']) else {
        return Some((0, text));
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = text.split_at(digits);
    let known = fraction.get(..9).unwrap_or(fraction);
    let nanos: u32 = format!("{known:0<9}").parse().ok()?;
    (digits > 0).then_some((nanos, rest))
}

/// The seconds that a local time is ahead of UTC.
fn offset_seconds(text: &str) -> Option<i64> {
    let (sign, text) = match text.as_bytes() {
        [] | [b'Z' | b'z'] => return Some(0),
        [b'+', ..] => (1, &text[1..]),
        [b'-', ..] => (-1, &text[1..]),
        _ => return None,
    };
    let hours = number(text.get(..2)?, 2)?;
    let minutes = match &text[2..] {
        "" => 0,
        rest => number(rest.strip_prefix(':').unwrap_or(rest), 2)?,
    };
    let seconds = i64::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds_and_reads_back() {
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
            let written = Timestamp::from(time);
            assert_eq!(written.as_str(), expected);
            assert_eq!(written.time(), Some(time));
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Timestamp::from(before).as_str(), "1970-01-01T00:00:00.000Z");
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
            assert_eq!(day_of(year, month, day), Some(days));
            before = (year, month, day);
        }
        assert_eq!(before, (2769, 12, 31));
    }

    #[test]
    fn the_times_of_other_producers_are_read() {
        let ten = UNIX_EPOCH + Duration::from_secs(1_763_805_600);
        for (text, nanos) in [
            ("2025-11-22T10:00:00Z", 0),
            // Python's `datetime.isoformat`, with and without an offset.
            ("2025-11-22T10:00:00.123456", 123_456_000),
            ("2025-11-22T10:00:00.123456+00:00", 123_456_000),
            ("2025-11-22 10:00:00", 0),
            ("2025-11-22t10:00:00.5z", 500_000_000),
            ("2025-11-22T12:30:00,000000001+02:30", 1),
            ("2025-11-22T01:00:00-0900", 0),
            ("2025-11-22T11:00:00+01", 0),
            ("2025-11-21T22:00:00.1234567899-12:00", 123_456_789),
        ] {
            let time = Timestamp::from(text).time();
            assert_eq!(time, Some(ten + Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn another_text_is_kept_and_says_no_time() {
        for text in [
            "",
            "yesterday",
            "2025-11-22",
            "2025-11-22T10:00Z",
            "2025-02-29T10:00:00Z",
            "2025-13-01T10:00:00Z",
            "2025-00-01T10:00:00Z",
            "2025-11-00T10:00:00Z",
            "2025-11-22T24:00:00Z",
            "2025-11-22T10:60:00Z",
            "2025-11-22T10:00:61Z",
            "2025-11-22T10:00:00.Z",
            "2025-11-22T10:00:00Zulu",
            "2025-11-22T10:00:00+24:00",
            "2025-11-22T10:00:00+1:00",
            "2025-11-22T10:00:00+01:0",
            "2025-11-22X10:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "+025-11-22T10:00:00Z",
            "2025-11-2\u{e9}T10:00:00Z",
            "20\u{e9}\u{e9}5-11-22T10:00:00Z",
        ] {
            let timestamp = Timestamp::from(text);
            assert_eq!(timestamp.time(), None, "{text}");
            assert_eq!(timestamp.to_string(), text);
        }
    }
}
