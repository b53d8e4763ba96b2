//! Repeats an operation while its server cannot be reached, and tells the user.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::exit::Failure;
use crate::terminal::Terminal;
use crate::wait_notice::{TICK, WaitNotice};

/// The first attempt may take this long, even if the whole operation may not.
const FIRST_ATTEMPT: Duration = Duration::from_secs(5);

/// Why one attempt failed.
pub(crate) enum AttemptError {
    /// Another attempt would fail as well.
    Final(Failure),
    /// The server cannot be reached.
    Transient {
        /// The reason, if this was the last attempt.
        reason: String,
        /// What to tell the user before the next attempt.
        notice: String,
    },
}

/// The messages about a wait.
pub(crate) struct Messages<'a> {
    /// Who is waited for.
    pub(crate) server: &'a str,
    /// What the first attempt waits for. With `None` the first attempt is silent.
    pub(crate) first_attempt: Option<&'a str>,
    /// The message after the wait.
    pub(crate) success: &'a str,
}

/// Repeats an operation until it succeeds, fails with a final error, or `patience` has passed. The last attempt is cut off
/// then.
pub(crate) async fn retry<T>(
    patience: Duration,
    messages: Messages<'_>,
    terminal: &mut Terminal,
    mut attempt: impl AsyncFnMut() -> Result<T, AttemptError>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let mut end = started + patience.max(FIRST_ATTEMPT);
    let mut wait = WaitNotice::default();
    let mut last = "there was no answer".to_owned();
    if let Some(text) = messages.first_attempt {
        wait.start(text);
    }
    loop {
        let attempt = timeout_at(end, Box::pin(attempt()));
        match wait.watch(terminal, attempt).await {
            Ok(Ok(value)) => {
                wait.end(terminal, messages.success);
                return Ok(value);
            }
            Ok(Err(AttemptError::Final(failure))) => return Err(failure),
            Ok(Err(AttemptError::Transient { reason, notice })) => {
                wait.start(notice);
                last = reason;
            }
            Err(_) => {}
        }
        if started.elapsed() >= patience {
            let seconds = started.elapsed().as_secs();
            let server = messages.server;
            let text = format_args!("{server}: gave up after {seconds} s: {last}");
            return Err(Failure::new(Failure::UNREACHABLE, text));
        }
        end = started + patience;
        wait.tick(terminal);
        sleep(TICK.min(patience.saturating_sub(started.elapsed()))).await;
    }
}
