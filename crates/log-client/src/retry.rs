//! The pauses between attempts, and when to give up.
//!
//! Pauses grow, and they are random, so that clients do not all come back at once.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tokio::time::Instant;

use crate::error::{ClientError, TransientError};
use crate::options::ClientOptions;

/// The longest time that a server may ask a client to stay away.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The attempts of one operation.
#[derive(Debug)]
pub(crate) struct Retries {
    backoff: Backoff,
    give_up_after: Option<Duration>,
    /// When the first of the failures in a row happened. `None` after a success.
    failing_since: Option<Instant>,
}

impl Retries {
    pub(crate) fn new(options: &ClientOptions) -> Self {
        Self {
            backoff: Backoff::new(options.initial_backoff, options.max_backoff),
            give_up_after: options.give_up_after,
            failing_since: None,
        }
    }

    /// Starts again with the shortest pause.
    pub(crate) fn succeeded(&mut self) {
        self.backoff.reset();
        self.failing_since = None;
    }

    /// Returns the error and the pause before the next attempt, or the final error if it is time to give up.
    pub(crate) fn failed(
        &mut self,
        error: TransientError,
        retry_after: Option<Duration>,
    ) -> Result<(TransientError, Duration), ClientError> {
        let pause = self.backoff.next_pause(retry_after);
        let after = self
            .failing_since
            .get_or_insert_with(Instant::now)
            .elapsed();
        if self
            .give_up_after
            .is_some_and(|limit| after + pause > limit)
        {
            return Err(ClientError::GaveUp { error, after });
        }
        Ok((error, pause))
    }

    /// The next pause, where nothing has failed.
    pub(crate) fn next_pause(&mut self) -> Duration {
        self.backoff.next_pause(None)
    }
}

/// Exponential backoff with jitter, which also obeys the server's `Retry-After`.
#[derive(Debug)]
struct Backoff {
    policy: ExponentialBuilder,
    delays: <ExponentialBuilder as backon::BackoffBuilder>::Backoff,
    max: Duration,
}

impl Backoff {
    fn new(initial: Duration, max: Duration) -> Self {
        // The jitter of `backon` adds up to one whole delay. With halved delays a pause lies between a half and all of
        // what the options say.
        let policy = ExponentialBuilder::new()
            .with_min_delay(initial.min(max) / 2)
            .with_max_delay(max / 2)
            .with_jitter()
            .without_max_times();
        Self {
            delays: policy.build(),
            policy,
            max,
        }
    }

    /// Starts again with the shortest pause.
    fn reset(&mut self) {
        self.delays = self.policy.build();
    }

    /// The next pause. If the server said when to come back, the pause is that time and up to a fifth more.
    fn next_pause(&mut self, retry_after: Option<Duration>) -> Duration {
        let delay = self.delays.next().unwrap_or(self.max);
        retry_after.map_or(delay, |asked| {
            let asked = asked.min(MAX_RETRY_AFTER);
            asked + (asked / 5).min(self.max).mul_f64(fastrand::f64())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(10))
    }

    #[test]
    fn pauses_double_up_to_the_maximum_and_are_random_over_half_of_it() {
        for _ in 0..100 {
            let mut backoff = backoff();
            for step in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
                let pause = backoff.next_pause(None).as_millis();
                assert!((step / 2..=step).contains(&pause), "{pause} of {step}");
            }
            backoff.reset();
            assert!(backoff.next_pause(None) <= Duration::from_millis(500));
        }
    }

    #[test]
    fn clients_do_not_share_their_pauses() {
        let pauses: std::collections::HashSet<_> =
            (0..50).map(|_| backoff().next_pause(None)).collect();
        assert!(pauses.len() > 40);
    }

    #[test]
    fn a_pause_is_never_shorter_than_the_server_asks_for() {
        for _ in 0..100 {
            let pause = backoff().next_pause(Some(Duration::from_secs(30)));
            assert!((30.0..=36.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
        let pause = backoff().next_pause(Some(Duration::MAX));
        assert!(pause <= MAX_RETRY_AFTER + Duration::from_secs(10));
    }

    #[test]
    fn many_attempts_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        for _ in 0..100 {
            backoff.next_pause(None);
        }
        let mut backoff = self::backoff();
        for _ in 0..1000 {
            assert!(backoff.next_pause(None) <= Duration::from_secs(10));
        }
    }
}
