//! When a fetch may start. This is bookkeeping only: callers pass the time in.

use std::fmt;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::watch;
use tokio::time::Instant;

/// Longest delay between two attempts after failures.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// The delays after failures: 1, 2, 4, 8, then always 15 seconds, and up to as much again at random,
/// so that replicas do not try again at the same moment.
const BACK_OFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(15))
    .without_max_times()
    .with_jitter();

/// Why a fetch is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The set is due: there is none, or it is stale.
    Due,
    /// A token needs something that the set does not have. Anybody can cause this.
    OnDemand,
}

/// The history of fetches, as far as it decides when the next one may start.
pub(super) struct FetchSchedule {
    /// When the last attempt started, successful or not. The cooldown begins here.
    last_attempt: Option<Instant>,
    /// Number of failures since the last success.
    failures: u32,
    /// The delays for further failures; made anew by each success.
    back_off: ExponentialBackoff,
    /// A due set is not fetched before this.
    not_before: Instant,
    /// The attempt in progress. It has ended when the sender of this channel is dropped.
    in_progress: Option<watch::Receiver<()>>,
}

impl FetchSchedule {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_attempt: None,
            failures: 0,
            back_off: BACK_OFF.build(),
            not_before: now,
            in_progress: None,
        }
    }

    pub(super) fn in_progress(&self) -> Option<watch::Receiver<()>> {
        self.in_progress.clone()
    }

    /// Whether an attempt may start now. `due` is when the set becomes stale, or `None` if there is
    /// no set.
    pub(super) fn may_start(
        &self,
        trigger: Trigger,
        now: Instant,
        due: Option<Instant>,
        cooldown: Duration,
    ) -> bool {
        match trigger {
            Trigger::Due => now >= self.next_due(due),
            Trigger::OnDemand => self
                .last_attempt
                .is_none_or(|attempt| now >= attempt + cooldown),
        }
    }

    /// When the background task should fetch next.
    pub(super) fn next_due(&self, due: Option<Instant>) -> Instant {
        due.map_or(self.not_before, |due| due.max(self.not_before))
    }

    /// When a request that found no key may find one; `None` while an attempt is in progress.
    pub(super) fn next_chance(&self, due: Option<Instant>, cooldown: Duration) -> Option<Instant> {
        if self.in_progress.is_some() {
            return None;
        }
        let next_due = self.next_due(due);
        let on_demand = match due {
            // Without a set, nothing is fetched on demand.
            None => None,
            Some(_) => self.last_attempt.map(|attempt| attempt + cooldown),
        };
        Some(on_demand.map_or(next_due, |at| at.min(next_due)))
    }

    /// Records the start of an attempt. This is called before the fetch, so an attempt that hangs or
    /// fails counts as well.
    pub(super) fn start(&mut self, now: Instant, ended: watch::Receiver<()>) {
        self.last_attempt = Some(now);
        self.in_progress = Some(ended);
    }

    /// Records the success of the attempt in progress.
    pub(super) fn succeed(&mut self, now: Instant) {
        self.failures = 0;
        self.back_off = BACK_OFF.build();
        self.not_before = now;
        self.in_progress = None;
    }

    /// Records the failure of the attempt in progress. Returns how many have failed in a row.
    pub(super) fn fail(&mut self, now: Instant) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + self.back_off.next().unwrap_or(LONGEST_DELAY);
        self.in_progress = None;
        self.failures
    }

    /// Whether the set in the cache is the result of the last attempt.
    pub(super) fn last_attempt_succeeded(&self) -> bool {
        self.failures == 0 && self.in_progress.is_none()
    }
}

impl fmt::Debug for FetchSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FetchSchedule")
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_from_one_second_to_thirty_and_a_success_resets_it() {
        let start = Instant::now();
        let mut schedule = FetchSchedule::new(start);
        for shortest in [1, 2, 4, 8, 15, 15, 15] {
            schedule.fail(start);
            let delay = schedule.not_before - start;
            let shortest = Duration::from_secs(shortest);
            assert!((shortest..=2 * shortest).contains(&delay), "{delay:?}");
            assert!(delay <= LONGEST_DELAY, "{delay:?}");
        }
        schedule.succeed(start);
        schedule.fail(start);
        assert!(schedule.not_before - start <= Duration::from_secs(2));
    }
}
