//! Tells the user that `joblog` is waiting for a server.
//!
//! Short waits are silent. A longer wait is shown as progress on a terminal, and as one message elsewhere.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::terminal::Terminal;

/// Shorter waits are silent.
pub(crate) const SILENT_FOR: Duration = Duration::from_secs(2);

/// How often a waiting command updates its progress.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// The current wait, if there is one.
#[derive(Debug, Default)]
pub(crate) struct WaitNotice {
    since: Option<Instant>,
    what: String,
    was_shown: bool,
}

impl WaitNotice {
    /// The command is waiting, or still waiting.
    pub(crate) fn start(&mut self, what: impl Into<String>) {
        self.since.get_or_insert_with(Instant::now);
        self.what = what.into();
    }

    /// How long the wait has lasted.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        self.since.map(|since| since.elapsed())
    }

    /// Shows a wait that has lasted for some time.
    pub(crate) fn tick(&mut self, terminal: &mut Terminal) {
        let Some(elapsed) = self.elapsed().filter(|elapsed| *elapsed >= SILENT_FOR) else {
            return;
        };
        if terminal.is_terminal() {
            let (what, seconds) = (&self.what, elapsed.as_secs());
            terminal.progress(format_args!("{what} ({seconds} s)"));
        } else if !self.was_shown {
            terminal.message(&self.what);
        }
        self.was_shown = true;
    }

    /// Runs a future to its end, and shows the wait meanwhile.
    pub(crate) async fn watch<T>(
        &mut self,
        terminal: &mut Terminal,
        future: impl Future<Output = T>,
    ) -> T {
        let mut future = pin!(future);
        loop {
            match timeout(TICK, &mut future).await {
                Ok(value) => return value,
                Err(_) => self.tick(terminal),
            }
        }
    }

    /// The wait is over. If it was shown as a message, this prints the text.
    pub(crate) fn end(&mut self, terminal: &mut Terminal, text: &str) {
        terminal.clear();
        if self.is_message(terminal) {
            terminal.message(text);
        }
        *self = Self::default();
    }

    /// Whether the wait was shown as a message, so that its end must be one, too.
    pub(crate) fn is_message(&self, terminal: &Terminal) -> bool {
        self.was_shown && !terminal.is_terminal()
    }
}
