//! When a fetch may start: pure bookkeeping, with the time handed in.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// First delay after a failure.
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);

/// Longest delay after failures, before the jitter: with it, 30 s.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(24);

/// Largest part of a delay that is added at random, so that replicas do not come back in step.
const JITTER: f64 = 0.25;

/// What a fetch is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trigger {
    /// The set is due: there is none, or it is stale.
    Due,
    /// A token asks for something that the set does not have, which anybody can cause.
    OnDemand,
}

/// The attempts so far.
pub(super) struct Gate {
    /// The start of the last attempt, whatever came of it. The cooldown counts from here.
    last_attempt: Option<Instant>,
    /// Failures since the last success.
    failures: u32,
    /// No attempt for a due set before this.
    not_before: Instant,
    /// The attempt that is under way: it ends when its sender is dropped.
    under_way: Option<watch::Receiver<()>>,
}

impl Gate {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_attempt: None,
            failures: 0,
            not_before: now,
            under_way: None,
        }
    }

    pub(super) fn under_way(&self) -> Option<watch::Receiver<()>> {
        self.under_way.clone()
    }

    /// Whether an attempt may start now; `due` is when the set wants one, `None` where there is no
    /// set.
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

    /// When the background task should look again.
    pub(super) fn next_due(&self, due: Option<Instant>) -> Instant {
        due.map_or(self.not_before, |due| due.max(self.not_before))
    }

    /// When a request that found nothing may find something; `None` while an attempt is under way.
    pub(super) fn next_chance(&self, due: Option<Instant>, cooldown: Duration) -> Option<Instant> {
        if self.under_way.is_some() {
            return None;
        }
        let next_due = self.next_due(due);
        let on_demand = match due {
            // Without a set nothing is fetched on demand.
            None => None,
            Some(_) => self.last_attempt.map(|attempt| attempt + cooldown),
        };
        Some(on_demand.map_or(next_due, |at| at.min(next_due)))
    }

    /// Claims an attempt. This is before the fetch, so that a fetch that hangs or fails counts as
    /// well.
    pub(super) fn start(&mut self, now: Instant, ended: watch::Receiver<()>) {
        self.last_attempt = Some(now);
        self.under_way = Some(ended);
    }

    pub(super) fn succeed(&mut self, now: Instant) {
        self.failures = 0;
        self.not_before = now;
        self.under_way = None;
    }

    /// Answers how many attempts have failed in a row.
    pub(super) fn fail(&mut self, now: Instant) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + back_off(self.failures, fastrand::f64());
        self.under_way = None;
        self.failures
    }

    /// Whether what is in the cache is the instance's last word.
    pub(super) fn last_attempt_succeeded(&self) -> bool {
        self.failures == 0 && self.under_way.is_none()
    }
}

/// The delay after so many failures in a row: 1 s, doubled up to 24 s, and up to a quarter more.
fn back_off(failures: u32, random: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(5);
    let delay = FIRST_BACK_OFF
        .saturating_mul(1 << doublings)
        .min(LONGEST_BACK_OFF);
    delay.mul_f64(1.0 + JITTER * random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_grows_from_one_second_to_thirty() {
        let shortest: Vec<_> = (1..=8).map(|n| back_off(n, 0.0).as_secs()).collect();
        assert_eq!(shortest, [1, 2, 4, 8, 16, 24, 24, 24]);
        assert_eq!(back_off(1, 1.0), Duration::from_millis(1250));
        assert_eq!(back_off(u32::MAX, 1.0), Duration::from_secs(30));
    }
}
