//! A section of a log that is searched: it is read and matched batch by batch, from its first line to its last.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use backon::Retryable as _;
use futures_util::future::BoxFuture;
use log_domain::{Batch, EntryId, JobId, Line, Order, ReadLimit, Span};
use log_store::{LogStore, StoreError};
use log_wire::SearchEvent;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::pattern::Pattern;
use super::reader::{Interrupted, PATIENCE};

/// How much is read and matched at once.
const READ: ReadLimit = ReadLimit {
    lines: 4000,
    bytes: 512 * 1024,
};

/// How many batches the next section begins ahead. Far ahead, it would take time from the first matches of the log.
const AHEAD: u128 = 4;

/// What all sections of one search share.
pub(super) struct Source {
    pub(super) store: Arc<dyn LogStore>,
    pub(super) job: JobId,
    pub(super) pattern: Pattern,
    /// No batch goes on for longer.
    pub(super) deadline: Instant,
}

/// What some lines of a log gave.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The objects of the matches, as they are sent.
    pub(super) out: Vec<u8>,
    matches: Vec<Match>,
    pub(super) lines: u64,
    /// How far the ids of the first and the last line are from each other.
    distance: u128,
    /// The last line that was looked at.
    pub(super) scanned_to: Option<EntryId>,
    /// Whether the section has no further lines.
    is_last: bool,
    pub(super) is_out_of_time: bool,
}

/// A line that matches.
#[derive(Debug)]
struct Match {
    id: EntryId,
    /// Where its object ends.
    end: usize,
    /// How many lines were looked at, with this one.
    lines: u64,
}

/// A section, and how far it was searched.
pub(super) struct Section {
    source: Arc<Source>,
    /// The last line that was looked at, or the position before the first.
    position: EntryId,
    /// Lines after this id belong to no section, or to the next one.
    until: EntryId,
    /// How far the ids of the last batch were from each other.
    distance: u128,
    under_way: Option<BoxFuture<'static, Result<Scanned, Interrupted>>>,
    is_done: bool,
}

impl Scanned {
    pub(super) fn matches(&self) -> u64 {
        self.matches.len() as u64
    }

    /// Adds what the next lines gave.
    pub(super) fn append(&mut self, next: Self) {
        let (end, lines) = (self.out.len(), self.lines);
        self.matches
            .extend(next.matches.into_iter().map(|found| Match {
                end: found.end + end,
                lines: found.lines + lines,
                ..found
            }));
        self.out.extend_from_slice(&next.out);
        self.lines += next.lines;
        self.scanned_to = next.scanned_to.or(self.scanned_to);
        self.is_last = next.is_last;
        self.is_out_of_time = next.is_out_of_time;
    }

    /// Leaves only the first matches, at least one, and what was looked at up to the last of them. Says whether these are
    /// all that may be found.
    pub(super) fn limit(&mut self, most: u64) -> bool {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let Some(last) = most.checked_sub(1).and_then(|at| self.matches.get(at)) else {
            return false;
        };
        self.out.truncate(last.end);
        self.lines = last.lines;
        self.scanned_to = Some(last.id);
        self.matches.truncate(most);
        true
    }
}

impl Section {
    pub(super) fn new(source: Arc<Source>, after: EntryId, until: EntryId) -> Self {
        Self {
            source,
            position: after,
            until,
            distance: 0,
            under_way: None,
            is_done: after >= until,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.is_done
    }

    /// The next batch. `None` at the end.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Scanned, Interrupted>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        let (position, until) = (self.position, self.until);
        let batch = self.under_way.get_or_insert_with(|| {
            let source = Arc::clone(&self.source);
            Box::pin(async move { source.batch(position, until).await })
        });
        let scanned = ready!(Pin::new(batch).poll(cx));
        self.under_way = None;
        let scanned = match scanned {
            Ok(scanned) => scanned,
            Err(error) => {
                self.is_done = true;
                return Poll::Ready(Some(Err(error)));
            }
        };
        self.position = scanned.scanned_to.unwrap_or(position);
        self.distance = scanned.distance;
        self.is_done = scanned.is_last || scanned.is_out_of_time;
        Poll::Ready(Some(Ok(scanned)))
    }

    /// Gives away what begins some batches ahead, or the later half of what is left. `None` while a batch is under way, or
    /// where there are no halves.
    pub(super) fn split(&mut self) -> Option<Self> {
        if self.is_done || self.under_way.is_some() {
            return None;
        }
        let point = split_point(
            self.position,
            self.until,
            AHEAD.saturating_mul(self.distance),
        )?;
        let later = Self::new(Arc::clone(&self.source), point, self.until);
        self.until = point;
        Some(later)
    }
}

impl Source {
    /// Reads and matches the next lines.
    async fn batch(
        self: Arc<Self>,
        after: EntryId,
        until: EntryId,
    ) -> Result<Scanned, Interrupted> {
        let span = Span {
            after: Some(after),
            before: until.next(),
        };
        let read = || (self.store).read(&self.job, span, Order::OldestFirst, READ);
        let Batch { lines, more } = read
            .retry(PATIENCE)
            .sleep(tokio::time::sleep)
            .when(StoreError::is_retryable)
            .await?;
        let source = Arc::clone(&self);
        // Live streams share the workers' threads, and an expression over 1 MB lines would hold them up.
        let scan = spawn_blocking(move || source.scan(&lines));
        // A search that panicked or was cancelled is broken off like one that cannot read.
        let mut scanned = scan.await.map_err(|_| Interrupted::Withdrawn)?;
        scanned.is_last = !more;
        Ok(scanned)
    }

    fn scan(&self, lines: &[Line]) -> Scanned {
        let mut scanned = Scanned::default();
        let first = lines.first().map_or(0, |line| number(line.id));
        for line in lines {
            if Instant::now() >= self.deadline {
                scanned.is_out_of_time = true;
                break;
            }
            scanned.scanned_to = Some(line.id);
            scanned.distance = number(line.id).saturating_sub(first);
            scanned.lines += 1;
            let Some(found) = self.pattern.find(line) else {
                continue;
            };
            SearchEvent::Match(found).write(&mut scanned.out);
            scanned.matches.push(Match {
                id: line.id,
                end: scanned.out.len(),
                lines: scanned.lines,
            });
        }
        scanned
    }
}

/// A position with ids on both sides of it: so far ahead, but not behind the middle; the middle, if nothing is known.
fn split_point(after: EntryId, until: EntryId, ahead: u128) -> Option<EntryId> {
    let half = number(until).checked_sub(number(after))? / 2;
    let step = if ahead == 0 { half } else { ahead.min(half) };
    let point = number(after) + step;
    let ms = u64::try_from(point >> 64).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let seq = point as u64;
    (step > 0).then(|| EntryId::new(ms, seq))
}

/// An id as one number, for distances.
fn number(id: EntryId) -> u128 {
    u128::from(id.ms()) << 64 | u128::from(id.seq())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> EntryId {
        EntryId::new(ms, seq)
    }

    #[test]
    fn a_section_is_split_ahead_or_in_its_middle_with_ids_on_both_sides() {
        let middle = |after, until| split_point(after, until, 0);
        assert_eq!(middle(id(1, 0), id(3, 0)), Some(id(2, 0)));
        assert_eq!(middle(id(1, 0), id(2, 0)), Some(id(1, 1 << 63)));
        assert_eq!(middle(id(5, 4), id(5, 8)), Some(id(5, 6)));
        assert_eq!(middle(id(5, 4), id(5, 6)), Some(id(5, 5)));
        assert_eq!(middle(id(5, 4), id(5, 5)), None);
        assert_eq!(middle(id(5, 4), id(5, 4)), None);
        assert_eq!(middle(id(6, 0), id(5, 0)), None);
        let most = Some(id((1 << 63) - 1, u64::MAX));
        assert_eq!(middle(EntryId::ZERO, EntryId::MAX), most);
        let ten = number(id(10, 0));
        assert_eq!(split_point(id(5, 1), id(90, 0), ten), Some(id(15, 1)));
        assert_eq!(split_point(id(5, 0), id(15, 0), ten), Some(id(10, 0)));
        assert_eq!(split_point(id(5, 4), id(5, 5), ten), None);
    }

    /// What lines 1 to 3 gave, of which two match.
    fn scanned() -> Scanned {
        let found = |ms, end| Match {
            id: id(ms, 0),
            end,
            lines: ms,
        };
        Scanned {
            out: b"ab".to_vec(),
            matches: vec![found(1, 1), found(3, 2)],
            lines: 3,
            scanned_to: Some(id(3, 0)),
            ..Scanned::default()
        }
    }

    #[test]
    fn a_limit_cuts_behind_the_last_match_that_may_be_found() {
        let mut one = scanned();
        assert!(one.limit(1));
        assert_eq!(
            (&*one.out, one.lines, one.scanned_to),
            (&b"a"[..], 1, Some(id(1, 0)))
        );
        let mut two = scanned();
        assert!(two.limit(2));
        assert_eq!((two.matches(), two.lines), (2, 3));
        let mut three = scanned();
        assert!(!three.limit(3));
        assert_eq!(three.matches(), 2);
    }

    #[test]
    fn what_follows_counts_on() {
        let mut all = scanned();
        all.append(scanned());
        all.append(Scanned::default());
        assert_eq!((&*all.out, all.lines, all.matches()), (&b"abab"[..], 6, 4));
        assert_eq!(all.scanned_to, Some(id(3, 0)));
        assert!(all.limit(3));
        assert_eq!((&*all.out, all.lines), (&b"aba"[..], 4));
    }
}
