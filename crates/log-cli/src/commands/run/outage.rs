//! Tells the user that Redis cannot be reached while the command runs: once, and once more when Redis is back.

use log_store::redis::RedisStore;
use log_writer::LogWriter;

use crate::terminal::Terminal;
use crate::wait_notice::{SILENT_FOR, WaitNotice};

#[derive(Default)]
pub(super) struct OutageNotice {
    wait: WaitNotice,
    was_shown: bool,
}

impl OutageNotice {
    /// Checks the connection.
    pub(super) fn tick(&mut self, store: &RedisStore, writer: &LogWriter, terminal: &mut Terminal) {
        if store.state().connected {
            self.end(terminal);
            return;
        }
        self.wait.start("");
        let elapsed = self.wait.elapsed().unwrap_or_default();
        if elapsed >= SILENT_FOR && !std::mem::replace(&mut self.was_shown, true) {
            let waiting = writer.stats().waiting;
            terminal.message(format_args!(
                "Redis cannot be reached; the command goes on, and its lines wait ({waiting} so far)"
            ));
        }
    }

    /// Whether the user was told of an outage, and not yet that Redis is back.
    pub(super) const fn was_shown(&self) -> bool {
        self.was_shown
    }

    /// Redis is back.
    pub(super) fn end(&mut self, terminal: &mut Terminal) {
        if std::mem::take(&mut self.was_shown) {
            terminal.message("Redis is back, and the waiting lines are being written");
        }
        self.wait = WaitNotice::default();
    }
}
