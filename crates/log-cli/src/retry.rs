//! Repeats an operation while its server cannot be reached, and tells the user.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::exit::Failure;
use crate::terminal::Terminal;
use crate::wait_notice::{TICK, WaitNotice};

/// Why one attempt failed.
pub(crate) enum AttemptError {
    /// Another attempt would fail as well.
    Final(Failure),
    /// The server cannot be reached.
    Transient {
        /// The failure of the whole operation, if this was the last attempt.
        failure: Failure,
        /// What to tell the user before the next attempt.
        notice: String,
    },
}

/// The messages about a wait.
pub(crate) struct Messages<'a> {
    /// What the first attempt waits for. With `None` the first attempt is silent.
    pub(crate) first_attempt: Option<&'a str>,
    /// The message after the wait.
    pub(crate) success: &'a str,
}

/// Repeats an operation until it succeeds, fails with a final error, or `patience` has passed.
pub(crate) async fn retry<T>(
    patience: Duration,
    messages: Messages<'_>,
    terminal: &mut Terminal,
    mut attempt: impl AsyncFnMut() -> Result<T, AttemptError>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let mut wait = WaitNotice::default();
    if let Some(text) = messages.first_attempt {
        wait.start(text);
    }
    loop {
        match wait.watch(terminal, Box::pin(attempt())).await {
            Ok(value) => {
                wait.end(terminal, messages.success);
                return Ok(value);
            }
            Err(AttemptError::Final(failure)) => return Err(failure),
            Err(AttemptError::Transient { failure, notice }) => {
                if started.elapsed() >= patience {
                    return Err(failure);
                }
                wait.start(notice);
                wait.tick(terminal);
                sleep(TICK).await;
            }
        }
    }
}
