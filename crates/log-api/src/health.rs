//! Whether the process can do its work, as the readiness probe reports it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// A probe must be answered before the prober gives up.
const DEADLINE: Duration = Duration::from_secs(2);

/// For this long the answer to one probe is the answer to the next ones too.
const FRESH: Duration = Duration::from_millis(500);

/// The state of the process. Whoever runs the service sets it, the readiness probe reads it.
#[derive(Debug, Default)]
pub struct Health {
    /// Set once, when the shutdown begins.
    draining: AtomicBool,
    /// Set while the store is known to be unsuitable: its version is too old, or a permission is missing.
    store_refused: AtomicBool,
    /// When the store was asked last, and whether it answered.
    last_answer: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// From now on the service is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Notes whether the store is suitable.
    pub fn set_store_usable(&self, usable: bool) {
        self.store_refused.store(!usable, Ordering::Release);
    }

    /// Whether the store is suitable, as far as is known.
    #[must_use]
    pub fn is_store_usable(&self) -> bool {
        !self.store_refused.load(Ordering::Acquire)
    }

    /// Whether the store answers. Probes that come together, or within half a second, share one question to it.
    pub(crate) async fn store_answers(&self, ask: impl Future<Output = bool>) -> bool {
        // Held while the store is asked, so that other probes wait for this answer.
        let mut last = self.last_answer.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < FRESH
        {
            return answer;
        }
        let answer = timeout(DEADLINE, ask).await.unwrap_or(false);
        *last = Some((Instant::now(), answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn probes_share_one_question_and_a_later_one_asks_again() {
        let (health, asked) = (Health::default(), Cell::new(0));
        let ask = || async {
            asked.set(asked.get() + 1);
            sleep(Duration::from_millis(100)).await;
            asked.get() == 1
        };
        let answers = join_all((0..20).map(|_| health.store_answers(ask()))).await;
        assert_eq!((answers, asked.get()), (vec![true; 20], 1));
        sleep(FRESH).await;
        assert!(!health.store_answers(ask()).await);
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_fails_the_probe_at_the_deadline() {
        let (health, start) = (Health::default(), Instant::now());
        assert!(!health.store_answers(std::future::pending()).await);
        assert_eq!(start.elapsed(), DEADLINE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_goes_away_does_not_hold_up_the_next_one() {
        let health = Health::default();
        let gone = health.store_answers(std::future::pending());
        assert!(timeout(Duration::from_millis(1), gone).await.is_err());
        assert!(health.store_answers(std::future::ready(true)).await);
    }
}
