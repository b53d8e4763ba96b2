//! Tells the user, while the command runs, that the log's server cannot be reached: once, and once more when it is back.

use log_writer::LogWriter;

use super::destination::Destination;
use crate::terminal::Terminal;
use crate::wait_notice::{SILENT_FOR, WaitNotice};

pub(super) struct OutageNotice<'a> {
    destination: &'a Destination,
    wait: WaitNotice,
    was_shown: bool,
    /// Whether the user knows that somebody else has ended the job.
    knows_end: bool,
}

impl<'a> OutageNotice<'a> {
    pub(super) fn new(destination: &'a Destination) -> Self {
        Self {
            destination,
            wait: WaitNotice::default(),
            was_shown: false,
            knows_end: false,
        }
    }

    /// Checks the connection, and the job.
    pub(super) fn tick(&mut self, writer: &LogWriter, terminal: &mut Terminal) {
        if let Some(status) = self.destination.ended_by_others()
            && !std::mem::replace(&mut self.knows_end, true)
        {
            terminal.message(format_args!(
                "somebody else has ended the job: it is {status}; the command goes on"
            ));
        }
        if self.destination.can_be_reached() {
            self.end(terminal);
            return;
        }
        self.wait.start("");
        let elapsed = self.wait.elapsed().unwrap_or_default();
        if elapsed >= SILENT_FOR && !std::mem::replace(&mut self.was_shown, true) {
            let (server, waiting) = (self.destination.name(), writer.stats().waiting);
            terminal.message(format_args!(
                "{server} cannot be reached; the command goes on, and its lines wait ({waiting} so far)"
            ));
        }
    }

    /// Whether the user was told of an outage, and not yet that it is over.
    pub(super) const fn was_shown(&self) -> bool {
        self.was_shown
    }

    /// The command has ended.
    pub(super) fn command_ended(&mut self, terminal: &mut Terminal) {
        if self.destination.can_be_reached() {
            self.end(terminal);
        }
    }

    fn end(&mut self, terminal: &mut Terminal) {
        if std::mem::take(&mut self.was_shown) {
            let server = self.destination.name();
            terminal.message(format_args!(
                "{server} is back, and the waiting lines are being written"
            ));
        }
        self.wait = WaitNotice::default();
    }
}
