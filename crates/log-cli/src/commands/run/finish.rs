//! The end of a run: writes the last lines, then the job's final status. The user sees the wait, and it has a limit.

use std::time::Duration;

use log_writer::{FinishError, LogWriter, Monitor, Outcome, Stats};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use super::outage::OutageNotice;
use crate::signals::ReceivedSignal;
use crate::terminal::Terminal;
use crate::wait_notice::{TICK, WaitNotice};

/// The extra time for the steps of the job, if the lines have taken all the time.
const JOB_STEPS: Duration = Duration::from_secs(5);

/// How a run ends.
pub(super) struct Finish {
    /// What users know the log's server by.
    pub(super) server: &'static str,
    pub(super) outcome: Outcome,
    pub(super) message: String,
    pub(super) give_up_after: Duration,
}

impl Finish {
    /// Ends the log and the job, and tells the user what could not be done. This does not change the exit code.
    pub(super) async fn run(
        self,
        writer: LogWriter,
        outage: OutageNotice<'_>,
        signals: &mut mpsc::Receiver<ReceivedSignal>,
        terminal: &mut Terminal,
    ) {
        let server = self.server;
        let monitor = writer.monitor();
        let mut finish = Box::pin(writer.finish(self.outcome, &self.message));
        let deadline = Instant::now() + self.give_up_after + JOB_STEPS;
        let mut wait = WaitNotice::default();
        let mut ticks = interval(TICK);
        let finished = loop {
            tokio::select! {
                finished = &mut finish => break Some(finished),
                () = sleep_until(deadline) => break None,
                Some(signal) = signals.recv() => if signal.asks_to_stop() { break None },
                _ = ticks.tick() => {
                    wait.start(progress(server, &monitor, deadline));
                    wait.tick(terminal);
                }
            }
        };
        if matches!(finished, Some(Ok(_))) {
            let back = format!("{server} is back, and the log is complete");
            // An outage that was reported while the command ran can end after the command, and too soon for a wait.
            let is_open = outage.was_shown() && !wait.is_message(terminal);
            wait.end(terminal, &back);
            if is_open {
                terminal.message(&back);
            }
        }
        terminal.clear();
        report(server, finished, &monitor, terminal);
    }
}

fn progress(server: &str, monitor: &Monitor, deadline: Instant) -> String {
    let left = deadline.saturating_duration_since(Instant::now()).as_secs();
    let task = match monitor.stats().waiting {
        0 => "end the job".to_owned(),
        lines => format!("take the last {}", counted(lines)),
    };
    format!("waiting for {server} to {task}; giving up in {left} s, or at Ctrl-C")
}

fn report(
    server: &str,
    finished: Option<Result<Stats, FinishError>>,
    monitor: &Monitor,
    terminal: &mut Terminal,
) {
    let (stats, problem) = match finished {
        Some(Ok(stats)) => (stats, None),
        Some(Err(error)) => (error.stats, Some(error.to_string())),
        None => (
            monitor.stats(),
            Some(format!("gave up on {server}: the job did not end")),
        ),
    };
    // The lines that still wait are lost when this process ends.
    let lost = stats.lost.lines + stats.waiting;
    if lost > 0 {
        terminal.message(format_args!(
            "the log lacks {}, which {server} did not take, and has {}",
            counted(lost),
            counted(stats.appended)
        ));
    }
    if let Some(problem) = problem {
        terminal.message(problem);
    }
}

/// A number of lines in words.
fn counted(lines: u64) -> String {
    match lines {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    }
}
