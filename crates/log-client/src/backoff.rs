//! The pauses between attempts: growing, and spread so that clients do not come back all at once.

use std::time::Duration;

/// The longest time that a server may ask a client to stay away.
const MAX_HINT: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            attempts: 0,
        }
    }

    /// The next pause is a first one again.
    pub(crate) const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The pause to make now. Where the server said when to come back it is that and a little more; else it is
    /// between a half and all of a step that doubles each time.
    pub(crate) fn pause(&mut self, hint: Option<Duration>) -> Duration {
        let step = self.first.saturating_mul(1 << self.attempts.min(16));
        let step = step.min(self.longest);
        self.attempts = self.attempts.saturating_add(1);
        match hint {
            Some(hint) => {
                let hint = hint.min(MAX_HINT);
                hint + (hint / 5).min(self.longest).mul_f64(fastrand::f64())
            }
            None => step / 2 + (step / 2).mul_f64(fastrand::f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(10))
    }

    #[test]
    fn pauses_grow_up_to_the_longest_and_are_spread_over_half_a_step() {
        for _ in 0..100 {
            let mut backoff = backoff();
            for step in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
                let pause = backoff.pause(None).as_millis();
                assert!((step / 2..=step).contains(&pause), "{pause} of {step}");
            }
            backoff.reset();
            assert!(backoff.pause(None) <= Duration::from_millis(500));
        }
    }

    #[test]
    fn no_two_clients_have_the_same_pauses() {
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| backoff().pause(None)).collect();
        assert!(pauses.len() > 40);
    }

    #[test]
    fn what_the_server_asks_for_is_the_least_that_is_waited() {
        for _ in 0..100 {
            let pause = backoff().pause(Some(Duration::from_secs(30)));
            assert!((30.0..=36.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
        let pause = backoff().pause(Some(Duration::MAX));
        assert!(pause <= MAX_HINT + Duration::from_secs(10));
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let mut backoff = backoff();
        backoff.attempts = u32::MAX;
        assert!(backoff.pause(None) <= Duration::from_secs(10));
    }
}
