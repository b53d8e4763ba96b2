//! Signals to `joblog run`. They are for the command.

use std::io;

use rustix::process::{Pid, Signal, kill_process};
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

    /// Sends the signal to a process, unless the process has already got it from the terminal.
    pub(crate) fn forward(self, process: Option<u32>) {
        let pid = process.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let signal = Signal::from_named_raw(self.number);
        if let (Some(pid), Some(signal), false) = (pid, signal, self.from_terminal) {
            // An error means that the process has just ended.
            let _ = kill_process(pid, signal);
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
