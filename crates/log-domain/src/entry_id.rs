//! The position of a line in its log: a Redis stream entry id.

use std::fmt;
use std::str::FromStr;

/// A Redis stream entry id, `<milliseconds>-<sequence>`, compared as two numbers.
///
/// `0-0` is before every line: Redis never gives this id to an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId {
    ms: u64,
    seq: u64,
}

impl EntryId {
    /// The position before every line, `0-0`.
    pub const ZERO: Self = Self::new(0, 0);

    /// The greatest id there can be.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// An id from its two halves.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The first half. By convention it is Unix time in milliseconds, but a producer may write any number.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.ms
    }

    /// The second half. It distinguishes the entries of one millisecond.
    #[must_use]
    pub const fn seq(self) -> u64 {
        self.seq
    }

    /// The smallest id above this one, or `None` for [`EntryId::MAX`].
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match (self.seq.checked_add(1), self.ms.checked_add(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, 0)),
            (None, None) => None,
        }
    }

    /// The greatest id below this one, or `None` for [`EntryId::ZERO`]. A read after it begins with this id.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match (self.seq.checked_sub(1), self.ms.checked_sub(1)) {
            (Some(seq), _) => Some(Self::new(self.ms, seq)),
            (None, Some(ms)) => Some(Self::new(ms, u64::MAX)),
            (None, None) => None,
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not `<milliseconds>-<sequence>` or `<milliseconds>`, each a decimal u64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryIdError;

impl fmt::Display for EntryIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("must be `<milliseconds>-<sequence>` or `<milliseconds>`, both unsigned 64-bit decimals")
    }
}

impl std::error::Error for EntryIdError {}

impl FromStr for EntryId {
    type Err = EntryIdError;

    /// Reads `ms-seq`; `ms` alone means `ms-0`. As in Redis, signs, spaces and everything else that is not an ASCII
    /// digit are refused.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Self::new(decimal(ms)?, decimal(seq)?))
    }
}

fn decimal(text: &str) -> Result<u64, EntryIdError> {
    // `u64::from_str` alone would accept a leading `+`.
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EntryIdError);
    }
    text.parse().map_err(|_| EntryIdError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_alone_mean_sequence_zero() {
        assert_eq!("7".parse(), Ok(EntryId::new(7, 0)));
        assert_eq!("7-9".parse(), Ok(EntryId::new(7, 9)));
    }

    #[test]
    fn both_halves_can_be_any_u64() {
        let text = "18446744073709551615-18446744073709551615";
        assert_eq!(text.parse(), Ok(EntryId::MAX));
        assert_eq!("18446744073709551616".parse::<EntryId>(), Err(EntryIdError));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "", "-", "-1", "1-", "+1", "1-+1", " 1", "1 ", "1-2-3", "$", "*", "0x1", "1.0", "١",
        ] {
            assert_eq!(text.parse::<EntryId>(), Err(EntryIdError), "{text:?}");
        }
    }

    #[test]
    fn ids_compare_as_numbers() {
        assert!(EntryId::new(9, 0) < EntryId::new(10, 0));
        assert!(EntryId::new(10, 2) < EntryId::new(10, 10));
    }

    #[test]
    fn next_goes_on_with_the_next_millisecond() {
        assert_eq!(EntryId::new(1, u64::MAX).next(), Some(EntryId::new(2, 0)));
        assert_eq!(EntryId::MAX.next(), None);
    }

    #[test]
    fn previous_is_the_opposite_of_next() {
        for id in [
            EntryId::new(0, 1),
            EntryId::new(1, 0),
            EntryId::new(7, 9),
            EntryId::MAX,
        ] {
            assert_eq!(id.previous().and_then(EntryId::next), Some(id));
        }
        assert_eq!(EntryId::ZERO.previous(), None);
    }
}
