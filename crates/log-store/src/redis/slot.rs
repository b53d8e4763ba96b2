//! The mailbox of one watch: whether to read again, and what was read ahead.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log_domain::{EntryId, Job, LogBounds};
use tokio::sync::Notify;

use crate::lines::TailRead;

/// The mailbox of one watch. Level-triggered: the flag stays set until the next read begins.
#[derive(Debug)]
pub(super) struct Slot {
    /// The key that is watched.
    pub(super) key: Arc<str>,
    /// Whether the key may have changed since the last read began. True at first (W1).
    flag: AtomicBool,
    /// Wakes the one waiter; holds a permit if there is none, so no wake is lost (W5).
    wake: Notify,
    seen: Mutex<Seen>,
}

/// What a reader saw at its last read, for stores that must poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Baseline {
    /// The log, as it was before the read, and after it unless the watch is flagged.
    Log(LogBounds),
    /// The job, as it was read.
    Job(Option<Job>),
}

/// What was seen for the reader, by itself or ahead of it. Nothing while it reads.
#[derive(Debug, Default)]
struct Seen {
    /// Where changes are asked for.
    baseline: Option<Baseline>,
    /// Where they are pushed.
    ahead: Ahead,
}

/// How far a log is read ahead of its reader (see [`super::ahead`]).
#[derive(Debug, Default)]
enum Ahead {
    /// Not at all.
    #[default]
    No,
    /// It may be: the reader waits at the end of the log, which looked like this. Where changes are not pushed, because
    /// it was read ahead until now, it must be, or the watch be flagged.
    May { seen: LogBounds, pushed: bool },
    /// It is being read.
    Asked(LogBounds),
    /// This was found after that position.
    Found(EntryId, TailRead),
}

impl Ahead {
    /// Whether a read ahead, this one or the one that must come next, sees what has just changed.
    const fn sees_changes(&self) -> bool {
        match self {
            Self::No => false,
            Self::May { pushed, .. } => !*pushed,
            Self::Asked(_) | Self::Found(..) => true,
        }
    }
}

impl Slot {
    pub(super) fn new(key: Arc<str>) -> Self {
        Self {
            key,
            flag: AtomicBool::new(true),
            wake: Notify::new(),
            seen: Mutex::default(),
        }
    }

    /// Says that the key may have changed: the reader is to read by itself.
    pub(super) fn flag(&self) {
        self.seen().ahead = Ahead::No;
        self.wake();
    }

    /// Says that the server has pushed a change.
    pub(super) fn pushed(&self) {
        let is_seen = self.seen().ahead.sees_changes();
        if !is_seen {
            self.flag();
        }
    }

    /// Waits until the key may have changed.
    pub(super) async fn flagged(&self) {
        while !self.flag.load(Ordering::Acquire) {
            self.wake.notified().await;
        }
    }

    /// Takes the flag down, before anything is read: whatever comes from now on sets it again.
    pub(super) fn begin_read(&self) {
        *self.seen() = Seen::default();
        self.flag.store(false, Ordering::Release);
    }

    /// Remembers what a read saw.
    pub(super) fn end_read(&self, baseline: Option<Baseline>) {
        self.seen().baseline = baseline;
    }

    /// Says that a read has found the end of the log, which looked like this, and that changes are pushed from now on.
    pub(super) fn may_be_read_ahead(&self, seen: LogBounds) {
        self.seen().ahead = Ahead::May { seen, pushed: true };
    }

    /// Begins to read ahead, after the last line that its reader has seen; `None` where the reader is not there.
    pub(super) fn ask(&self) -> Option<LogBounds> {
        let mut state = self.seen();
        match state.ahead {
            Ahead::May { seen, .. } if !self.is_flagged() => {
                state.ahead = Ahead::Asked(seen);
                Some(seen)
            }
            _ => None,
        }
    }

    /// Has the reader take what was found, unless it is to read by itself.
    pub(super) fn found(&self, onward: TailRead) {
        let mut state = self.seen();
        if let Ahead::Asked(seen) = state.ahead {
            state.ahead = Ahead::Found(seen.last_id, onward);
            drop(state);
            self.wake();
        }
    }

    /// Says that the log looks as it did.
    pub(super) fn nothing_found(&self) {
        let mut state = self.seen();
        if let Ahead::Asked(seen) = state.ahead {
            let pushed = false;
            state.ahead = Ahead::May { seen, pushed };
        }
    }

    /// Ends reading ahead where it was begun and is not under way.
    pub(super) fn let_go(&self) {
        let is_blind = {
            let state = self.seen();
            state.ahead.sees_changes() && !matches!(state.ahead, Ahead::Asked(_))
        };
        if is_blind {
            self.flag();
        }
    }

    /// What was found after this position, once. The reader that takes it need not read.
    pub(super) fn take_found(&self, after: EntryId) -> Option<TailRead> {
        let mut state = self.seen();
        match std::mem::take(&mut state.ahead) {
            Ahead::Found(position, onward) if position == after => {
                // Where a line has come since, the flag stays, and the reader reads by itself.
                if onward.is_at_end(after) {
                    let (seen, pushed) = (onward.bounds, false);
                    state.ahead = Ahead::May { seen, pushed };
                    self.flag.store(false, Ordering::Release);
                }
                Some(onward)
            }
            _ => None,
        }
    }

    /// What the last read saw, unless the watch knows already that it must read again.
    pub(super) fn baseline(&self) -> Option<Baseline> {
        if self.is_flagged() {
            return None;
        }
        self.seen().baseline.clone()
    }

    /// Whether the key may have changed since the last read began.
    pub(super) fn is_flagged(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    fn wake(&self) {
        self.flag.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // It is whole after every statement that changes it.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use log_domain::Line;

    use super::*;

    fn id(ms: u64) -> EntryId {
        EntryId::new(ms, 0)
    }

    fn bounds(last: u64) -> LogBounds {
        LogBounds {
            first_id: Some(id(1)),
            last_id: id(last),
            max_deleted_id: EntryId::ZERO,
            entries_added: last,
            length: last,
        }
    }

    /// Lines found up to one, of a log that ends at another.
    fn onward(up_to: u64, last: u64) -> TailRead {
        let line = Line {
            id: id(up_to),
            ts: None,
            source: None,
            text: None,
            phase: None,
        };
        TailRead {
            lines: vec![line],
            more: false,
            bounds: bounds(last),
        }
    }

    /// One whose reader waits after line 1.
    fn waiting() -> Slot {
        let slot = Slot::new("k".into());
        slot.begin_read();
        slot.end_read(None);
        slot.may_be_read_ahead(bounds(1));
        slot
    }

    #[tokio::test]
    async fn a_new_slot_is_flagged_until_it_is_read() {
        let slot = Slot::new("k".into());
        slot.flagged().await;
        slot.flagged().await;
        assert!(slot.is_flagged());
        assert_eq!(slot.ask(), None, "the reader has not read yet");
        slot.begin_read();
        assert!(!slot.is_flagged());
        slot.pushed();
        assert!(slot.is_flagged());
    }

    #[test]
    fn what_was_found_ahead_is_taken_once_and_needs_no_push_while_it_goes_on() {
        let slot = waiting();
        assert_eq!(slot.ask(), Some(bounds(1)));
        slot.pushed();
        assert!(!slot.is_flagged(), "the read sees it");
        slot.found(onward(2, 2));
        assert!(slot.is_flagged());
        assert_eq!(slot.take_found(id(1)), Some(onward(2, 2)));
        slot.pushed();
        assert!(!slot.is_flagged(), "the next read sees it");
        assert_eq!(slot.ask(), Some(bounds(2)));
        slot.nothing_found();
        assert_eq!(slot.ask(), Some(bounds(2)));
        slot.let_go();
        assert!(!slot.is_flagged(), "it is being read");
        slot.found(onward(3, 3));
        assert_eq!(slot.take_found(id(2)), Some(onward(3, 3)));
        assert_eq!(slot.take_found(id(2)), None);
    }

    #[test]
    fn one_that_is_not_read_ahead_any_more_is_flagged() {
        type Step = fn(&Slot);
        let ends: [(&str, Step); 3] = [
            ("nothing was found", |slot| slot.nothing_found()),
            ("nobody took it", |slot| slot.found(onward(2, 2))),
            ("it was taken", |slot| {
                slot.found(onward(2, 2));
                slot.take_found(id(1));
            }),
        ];
        for (name, end) in ends {
            let slot = waiting();
            slot.ask();
            end(&slot);
            slot.let_go();
            assert!(slot.is_flagged(), "{name}");
            assert_eq!(slot.take_found(id(1)), None, "{name}");
        }
        let slot = waiting();
        slot.let_go();
        assert!(!slot.is_flagged(), "it is pushed");
        slot.pushed();
        assert!(slot.is_flagged());
    }

    #[test]
    fn a_reader_that_is_to_read_or_is_elsewhere_gets_nothing_found_before() {
        let slot = waiting();
        slot.ask();
        slot.flag();
        slot.found(onward(2, 2));
        assert_eq!(slot.take_found(id(1)), None);
        let slot = waiting();
        slot.ask();
        slot.found(onward(2, 2));
        assert_eq!(slot.take_found(id(3)), None);
        assert!(slot.is_flagged());
        let slot = waiting();
        slot.ask();
        slot.found(onward(2, 2));
        slot.flag();
        assert_eq!(slot.take_found(id(1)), None, "it may have missed something");
        assert!(slot.is_flagged());
    }

    #[test]
    fn a_line_that_came_after_what_was_found_is_read_by_the_reader() {
        let slot = waiting();
        slot.ask();
        slot.found(onward(2, 3));
        assert_eq!(slot.take_found(id(1)), Some(onward(2, 3)));
        assert!(slot.is_flagged());
        assert_eq!(slot.ask(), None);
    }
}
