//! The value of `--since`: a time, or a duration before now.

use jiff::civil::DateTime;
use jiff::{Span, SpanRelativeTo, Timestamp};
use log_domain::EntryId;

/// A time, as the first id that a line of that time can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) EntryId);

/// Parses `10m`, `1h30m`, `1d`, `2026-01-02`, `2026-01-02T03:04:05Z`.
pub(crate) fn parse(text: &str) -> Result<Since, String> {
    parse_at(text, Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Since, String> {
    let at = ago(text, now)
        .or_else(|| text.parse().ok())
        .or_else(|| utc(text));
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    ms.map(|ms| Since(EntryId::new(ms, 0))).ok_or_else(|| {
        "must be a duration (90s, 10m, 1h30m, 1d), a date (2026-01-02) or a time (2026-01-02T03:04:05Z)".to_owned()
    })
}

/// The time before `now` by a duration. A day has 24 hours.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span = text.parse::<Span>().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    now.checked_sub(duration.abs()).ok()
}

/// A date, or a time without a zone.
fn utc(text: &str) -> Option<Timestamp> {
    let at = text.parse::<DateTime>().ok()?;
    format!("{at}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_and_a_time_are_parsed() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let ms = |seconds: i64| u64::try_from((now.as_second() - seconds) * 1000).unwrap();
        for (text, ago) in [
            ("90s", 90),
            ("10m", 600),
            ("1h30m", 5400),
            ("2026-01-02T03:03:05Z", 60),
            ("2026-01-02T04:03:05+01:00", 60),
            ("1d", 86_400),
            ("1d12h", 129_600),
            ("1w", 604_800),
            ("2 days", 172_800),
            ("2026-01-02", 3 * 3600 + 4 * 60 + 5),
            ("2026-01-02T03:04", 5),
            ("2026-01-02 03:04:04", 1),
        ] {
            let since = parse_at(text, now).unwrap();
            assert_eq!(since, Since(EntryId::new(ms(ago), 0)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "10",
            "1mo",
            "2026-13-01",
            "1900-01-01T00:00:00Z",
        ] {
            assert!(parse_at(text, now).is_err(), "{text}");
        }
    }
}
