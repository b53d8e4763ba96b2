//! Numbered lines: how a producer that sends a batch again adds each of its lines once.
//!
//! A producer counts its lines from 0, and says with each batch the number of the batch's first line. A store that knows
//! which number it wants next can tell a repeat from something new. The producer may cut its batches anew: lines have
//! numbers, batches have none.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::entry_id::EntryId;
use crate::limits::{MAX_NUMBER, MAX_PRODUCER_LEN};

/// The name of a producer among those of one job: 1 to 64 characters of `A–Z a–z 0–9 . _ -`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerName(Arc<str>);

impl ProducerName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProducerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not the name of a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerNameError;

impl fmt::Display for ProducerNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "must be 1 to {MAX_PRODUCER_LEN} characters of A–Z, a–z, 0–9, `.`, `_` and `-`"
        )
    }
}

impl std::error::Error for ProducerNameError {}

impl FromStr for ProducerName {
    type Err = ProducerNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if text.is_empty() || text.len() > MAX_PRODUCER_LEN || !text.bytes().all(allowed) {
            return Err(ProducerNameError);
        }
        Ok(Self(text.into()))
    }
}

/// Which lines a batch holds: whose, and from which number on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    producer: ProducerName,
    epoch: u64,
    first: u64,
}

impl Numbering {
    /// `first` is the number of the batch's first line. A producer that starts anew and does not know its count uses the
    /// next `epoch`, in which it counts from 0 again. `None` if a number is above [`MAX_NUMBER`].
    #[must_use]
    pub fn new(producer: ProducerName, epoch: u64, first: u64) -> Option<Self> {
        (epoch <= MAX_NUMBER && first <= MAX_NUMBER).then_some(Self {
            producer,
            epoch,
            first,
        })
    }

    /// Who numbers.
    #[must_use]
    pub const fn producer(&self) -> &ProducerName {
        &self.producer
    }

    /// Which of the producer's starts this is.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The number of the first line.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The numbering of what is left of a batch after its first `lines` lines.
    #[must_use]
    pub fn after(&self, lines: u64) -> Self {
        Self {
            first: self.first.saturating_add(lines),
            ..self.clone()
        }
    }
}

/// What a log knows of one of its producers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    /// The newest epoch.
    pub epoch: u64,
    /// The number of the line that is wanted next in this epoch.
    pub next: u64,
    /// The id of the producer's last line.
    pub last_id: EntryId,
}

/// What is to be done with a numbered batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Leave the first `known` lines out, and append the others.
    Append {
        /// How many lines are in the log already.
        known: u64,
        /// Whether everything before the batch is known to be in the log. Otherwise the log, or what it knew of the
        /// producer, is gone, and the batch is a new beginning.
        resumed: bool,
    },
    /// Append nothing: lines before the batch are missing.
    Gap {
        /// The number that is wanted.
        next: u64,
    },
    /// Append nothing: the producer has started anew, and this batch is from before.
    StaleEpoch {
        /// The newest epoch.
        epoch: u64,
    },
}

impl Placement {
    /// What is to be done with a batch of `count` lines, if the log knows `state` of its producer.
    #[must_use]
    pub fn new(state: Option<&ProducerState>, batch: &Numbering, count: u64) -> Self {
        let Some(state) = state else {
            return Self::Append {
                known: 0,
                resumed: batch.first == 0,
            };
        };
        if batch.epoch < state.epoch {
            return Self::StaleEpoch { epoch: state.epoch };
        }
        let next = if batch.epoch > state.epoch {
            0
        } else {
            state.next
        };
        match next.checked_sub(batch.first) {
            None => Self::Gap { next },
            Some(known) => Self::Append {
                known: known.min(count),
                resumed: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: u64, first: u64) -> Numbering {
        Numbering::new("w".parse().unwrap(), epoch, first).unwrap()
    }

    const fn state(epoch: u64, next: u64) -> ProducerState {
        ProducerState {
            epoch,
            next,
            last_id: EntryId::new(1, 0),
        }
    }

    const fn append(known: u64, resumed: bool) -> Placement {
        Placement::Append { known, resumed }
    }

    #[test]
    fn a_name_has_1_to_64_allowed_characters() {
        for text in ["a", "worker-7f3a", "A.b_C-9", &"x".repeat(64)] {
            assert!(text.parse::<ProducerName>().is_ok(), "{text:?}");
        }
        for text in ["", &"x".repeat(65), "a b", "a/b", "{a}", "é", "a\n", "a:b"] {
            assert_eq!(text.parse::<ProducerName>(), Err(ProducerNameError));
        }
    }

    #[test]
    fn numbers_that_a_store_cannot_hold_are_refused() {
        let name: ProducerName = "w".parse().unwrap();
        assert!(Numbering::new(name.clone(), MAX_NUMBER, MAX_NUMBER).is_some());
        assert!(Numbering::new(name.clone(), MAX_NUMBER + 1, 0).is_none());
        assert!(Numbering::new(name, 0, u64::MAX).is_none());
    }

    #[test]
    fn what_is_known_is_left_out_and_a_gap_is_refused() {
        let placed = |first| Placement::new(Some(&state(0, 10)), &batch(0, first), 5);
        assert_eq!(placed(0), append(5, true));
        assert_eq!(placed(8), append(2, true));
        assert_eq!(placed(10), append(0, true));
        assert_eq!(placed(11), Placement::Gap { next: 10 });
    }

    #[test]
    fn a_newer_epoch_begins_at_0_and_an_older_one_is_refused() {
        let placed = |epoch, first| Placement::new(Some(&state(3, 10)), &batch(epoch, first), 5);
        assert_eq!(placed(2, 10), Placement::StaleEpoch { epoch: 3 });
        assert_eq!(placed(4, 0), append(0, true));
        assert_eq!(placed(4, 10), Placement::Gap { next: 0 });
    }

    #[test]
    fn where_nothing_is_known_any_number_is_a_beginning_that_says_so() {
        assert_eq!(Placement::new(None, &batch(7, 0), 5), append(0, true));
        assert_eq!(Placement::new(None, &batch(7, 9), 5), append(0, false));
    }
}
