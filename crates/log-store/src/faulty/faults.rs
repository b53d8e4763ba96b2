//! The faults that a test switches on and off, and the calls that they break.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::{StoreError, StoreUnavailable};

/// The switches of a [`FaultyStore`](crate::FaultyStore).
#[derive(Debug, Default)]
pub struct Faults {
    pub(super) connection: watch::Sender<ConnectionState>,
    /// How many of the next calls fail.
    failing: AtomicU64,
    /// How many calls were made.
    calls: AtomicU64,
}

/// The state of the connection that a test breaks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectionState {
    pub(super) away: bool,
    /// How often it was lost.
    pub(super) losses: u64,
    /// How often every watch was notified: after each loss, and on demand.
    pub(super) notices: u64,
    latency: Duration,
    pub(super) spurious: Option<Duration>,
}

/// What an injected failure says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an injected fault")]
pub struct InjectedFault;

impl Faults {
    /// Loses the connection. Until [`Faults::mend`], calls fail as unavailable and watches get no notices. Calls under way
    /// fail, too; what they have done stays done.
    pub fn cut(&self) {
        self.connection.send_modify(|state| {
            state.away = true;
            state.losses += 1;
        });
    }

    /// Makes the connection again. Every watch gets a notice, because it cannot know what it missed.
    pub fn mend(&self) {
        self.connection.send_modify(|state| {
            state.away = false;
            state.notices += 1;
        });
    }

    /// Loses the connection and makes it again at once. Calls under way fail. Notices on their way are lost, so every watch
    /// gets a notice.
    pub fn interrupt(&self) {
        self.connection.send_modify(|state| {
            state.losses += 1;
            state.notices += 1;
        });
    }

    /// Makes the next `calls` calls fail.
    pub fn fail_next(&self, calls: u64) {
        self.failing.store(calls, Ordering::SeqCst);
    }

    /// Makes every call wait before it does anything.
    pub fn set_latency(&self, latency: Duration) {
        self.connection.send_modify(|state| state.latency = latency);
    }

    /// Notifies every watch once, without a change.
    pub fn notify_all(&self) {
        self.connection.send_modify(|state| state.notices += 1);
    }

    /// Notifies a watch that has waited this long, without a change. `None` switches that off.
    pub fn set_spurious_every(&self, period: Option<Duration>) {
        self.connection.send_modify(|state| state.spurious = period);
    }

    /// How many calls were made, including failed ones. Waiting for a notice is no call.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Makes one call, with the latency and the faults that are switched on.
    pub(super) async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let before = *self.connection.borrow();
        if !before.latency.is_zero() {
            sleep(before.latency).await;
        }
        self.check(before.losses)?;
        let fails = |left: u64| left.checked_sub(1);
        if self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails)
            .is_ok()
        {
            return Err(unavailable().into());
        }
        let mut lost = self.connection.subscribe();
        let lost = pin!(lost.wait_for(|state| state.losses != before.losses));
        tokio::select! {
            biased;
            _ = lost => Err(unavailable().into()),
            answer = call => self.check(before.losses).map_err(E::from).and(answer),
        }
    }

    fn check(&self, losses: u64) -> Result<(), StoreError> {
        let state = *self.connection.borrow();
        if state.away || state.losses != losses {
            return Err(unavailable());
        }
        Ok(())
    }
}

fn unavailable() -> StoreError {
    StoreUnavailable::new(InjectedFault).into()
}
