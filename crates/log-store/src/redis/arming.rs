//! How soon a watch reads again, where the server tells of changes that are none.
//!
//! A server keeps which keys it has to tell of in a table. Where the table is full (`tracking-table-max-keys`), it forgets a
//! key by telling that it has changed. With more watches than room, each read would push another key out, and its notice the
//! next one, as fast as the server can answer. So a watch that reads again and again without finding anything waits longer
//! and longer before it does; in the end it polls, once a second.

use std::time::Duration;

use tokio::time::Instant;

/// So many pushes without news are usual: a producer appends and then renews the life of the log.
const USUAL: u32 = 3;

/// The first pause. It doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// A revocation must be noticed within a second (V2 of [`crate::Revocations`]).
const LONGEST_PAUSE: Duration = Duration::from_millis(900);

/// When a watch may read again.
#[derive(Debug, Default)]
pub(super) struct Arming {
    /// How many pushes in a row brought nothing new.
    fruitless: u32,
    not_before: Option<Instant>,
}

impl Arming {
    /// Notes a read: whether a push was the reason for it, and whether it has found anything new.
    pub(super) fn note_read(&mut self, was_pushed: bool, has_news: bool) {
        if has_news {
            self.fruitless = 0;
        } else if was_pushed {
            self.fruitless = self.fruitless.saturating_add(1);
        }
        let doublings = self.fruitless.checked_sub(USUAL + 1);
        let pause = doublings.map(|n| (FIRST_PAUSE * (1 << n.min(10))).min(LONGEST_PAUSE));
        self.not_before = pause.map(|pause| Instant::now() + pause);
    }

    /// When a notice may be told at the earliest.
    pub(super) const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pushes_without_news_slow_a_watch_down_to_a_poll_and_news_end_that() {
        let mut arming = Arming::default();
        let pause = |arming: &Arming| arming.not_before().map(|at| at - Instant::now());
        for _ in 0..USUAL {
            arming.note_read(true, false);
            assert_eq!(pause(&arming), None);
        }
        let mut pauses = Vec::new();
        for _ in 0..8 {
            arming.note_read(true, false);
            pauses.push(pause(&arming).unwrap().as_millis());
        }
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 900, 900]);
        arming.note_read(true, true);
        assert_eq!(pause(&arming), None);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_for_other_reasons_slow_nothing_down() {
        let mut arming = Arming::default();
        for _ in 0..100 {
            arming.note_read(false, false);
        }
        assert_eq!(arming.not_before(), None);
    }
}
