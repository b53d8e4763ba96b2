//! Signals to `joblog run`. They are for the command, and for everything that it has started.

use std::io::{self, IsTerminal as _, stderr, stdin, stdout};

use log_writer::Process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::mpsc;

/// The signals that are forwarded.
const FORWARDED: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// The most signals that may wait. More than these are dropped.
const MAX_WAITING: usize = 64;

/// A signal that this process has received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceivedSignal {
    number: i32,
    /// Whether the terminal sent it. The terminal sends the same signal to the command.
    from_terminal: bool,
}

impl ReceivedSignal {
    /// Whether the signal asks the process to stop.
    pub(crate) const fn asks_to_stop(self) -> bool {
        !matches!(self.number, SIGUSR1 | SIGUSR2)
    }

    /// Whether a build that got the signal has to end soon. QUIT is not one of these: a Java process prints its threads, and
    /// goes on.
    pub(crate) const fn starts_grace(self) -> bool {
        matches!(self.number, SIGTERM | SIGINT | SIGHUP)
    }

    /// Sends the signal to the command. On a terminal, the command has got it from the terminal already, if joblog has.
    pub(crate) fn forward(self, process: &Process, group: CommandGroup) {
        let has_got_it = match group {
            CommandGroup::Shared => self.from_terminal,
            CommandGroup::Own => false,
        };
        if !has_got_it {
            process.signal(self.number);
        }
    }
}

/// The process group of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandGroup {
    /// Joblog's own, on a terminal, so that the shell's job control works as for any command.
    Shared,
    /// Another one, where there is no terminal, so that a signal reaches everything it has started.
    Own,
}

impl CommandGroup {
    /// The one that suits where this process runs.
    pub(crate) fn find() -> Self {
        if stdin().is_terminal() || stdout().is_terminal() || stderr().is_terminal() {
            Self::Shared
        } else {
            Self::Own
        }
    }
}

/// Receives signals from now on. They no longer end this process.
///
/// The thread that receives them lives as long as the process.
pub(crate) fn listen() -> io::Result<mpsc::Receiver<ReceivedSignal>> {
    let mut signals = SignalsInfo::<WithOrigin>::new(FORWARDED)?;
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for origin in signals.forever() {
                let signal = ReceivedSignal {
                    number: origin.signal,
                    from_terminal: matches!(origin.cause, Cause::Kernel),
                };
                let _ = sender.try_send(signal);
            }
        })?;
    Ok(receiver)
}
