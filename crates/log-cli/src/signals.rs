//! Signals to `joblog run`, which are for the command.

use std::io;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::mpsc;

/// What is passed on.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// More than these at a time are no signals but noise.
const AT_A_TIME: usize = 64;

/// A signal that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    number: i32,
    /// Whether the terminal sent it, which sends it to the command as well.
    from_terminal: bool,
}

impl Came {
    /// Whether it asks for an end.
    pub(crate) const fn asks_for_an_end(self) -> bool {
        !matches!(self.number, SIGUSR1 | SIGUSR2)
    }

    /// Passes it on to a process, unless that has it already.
    pub(crate) fn pass_on(self, process: Option<u32>) {
        let pid = process.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let signal = Signal::from_named_raw(self.number);
        if let (Some(pid), Some(signal), false) = (pid, signal, self.from_terminal) {
            // It may have ended this moment, which is what is wanted of it.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Receives signals from now on; until then they end the process, and afterwards they do not.
pub(crate) fn listen() -> io::Result<mpsc::Receiver<Came>> {
    let mut signals = SignalsInfo::<WithOrigin>::new(PASSED_ON)?;
    let (came, receiver) = mpsc::channel(AT_A_TIME);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for origin in signals.forever() {
                let signal = Came {
                    number: origin.signal,
                    from_terminal: matches!(origin.cause, Cause::Kernel),
                };
                let _ = came.try_send(signal);
            }
        })?;
    Ok(receiver)
}
