//! The value of `--since`: a time, or a duration before now.

use jiff::{SignedDuration, Timestamp};
use log_domain::EntryId;

/// A time, as the first id that a line of that time can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since(pub(crate) EntryId);

/// Parses `10m`, `1h30m`, `2026-01-02T03:04:05Z`.
pub(crate) fn parse(text: &str) -> Result<Since, String> {
    parse_at(text, Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Since, String> {
    let ago = text.parse::<SignedDuration>().ok();
    let at = match ago {
        Some(ago) => now.checked_sub(ago.abs()).ok(),
        None => text.parse().ok(),
    };
    let ms = at.and_then(|at: Timestamp| u64::try_from(at.as_millisecond()).ok());
    match ms {
        Some(ms) => Ok(Since(EntryId::new(ms, 0))),
        None => Err("must be a duration (90s, 10m, 1h30m) or a time (2026-01-02T03:04:05Z)".into()),
    }
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
        ] {
            let since = parse_at(text, now).unwrap();
            assert_eq!(since, Since(EntryId::new(ms(ago), 0)), "{text}");
        }
        for text in ["", "yesterday", "10", "1900-01-01T00:00:00Z"] {
            assert!(parse_at(text, now).is_err(), "{text}");
        }
    }
}
