//! The end of a run: the last lines, then the job's status; waited for visibly, and not for ever.

use std::time::Duration;

use log_writer::{FinishError, LogWriter, Monitor, Outcome, Stats};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use crate::say::Say;
use crate::signals::Came;
use crate::waiting::{TICK, Waiting};

/// What the job's own steps may take when the lines have taken all the time there was.
const STEPS: Duration = Duration::from_secs(5);

/// How a run ends.
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) message: String,
    pub(crate) give_up: Duration,
}

impl Ending {
    /// Ends the log and the job, and says what could not be done. The command's exit code is what it is.
    pub(crate) async fn write(
        self,
        writer: LogWriter,
        signals: &mut mpsc::Receiver<Came>,
        say: &mut Say,
    ) {
        let monitor = writer.monitor();
        let mut finish = Box::pin(writer.finish(self.outcome, &self.message));
        let deadline = Instant::now() + self.give_up + STEPS;
        let mut waiting = Waiting::default();
        let mut ticks = interval(TICK);
        let finished = loop {
            tokio::select! {
                finished = &mut finish => break Some(finished),
                () = sleep_until(deadline) => break None,
                Some(came) = signals.recv() => if came.asks_for_an_end() { break None },
                _ = ticks.tick() => {
                    let left = deadline.saturating_duration_since(Instant::now()).as_secs();
                    let what = match monitor.stats().waiting {
                        0 => "end the job".to_owned(),
                        lines => format!("take the last {}", counted(lines)),
                    };
                    waiting.on(format!(
                        "waiting for Redis to {what}; giving up in {left} s, or at Ctrl-C"
                    ));
                    waiting.tick(say);
                }
            }
        };
        if matches!(finished, Some(Ok(_))) {
            waiting.over(say, "Redis is back, and has it all");
        }
        say.clear();
        report(finished, &monitor, say);
    }
}

fn report(finished: Option<Result<Stats, FinishError>>, monitor: &Monitor, say: &mut Say) {
    let (stats, problem) = match finished {
        Some(Ok(stats)) => (stats, None),
        Some(Err(error)) => (error.stats, Some(error.to_string())),
        None => (
            monitor.stats(),
            Some("gave up on Redis: the job did not end".to_owned()),
        ),
    };
    // What still waits is lost with this process.
    let lost = stats.lost.lines + stats.waiting;
    if lost > 0 {
        say.note(format_args!(
            "the log lacks {}, which Redis did not take, and has {}",
            counted(lost),
            counted(stats.appended)
        ));
    }
    if let Some(problem) = problem {
        say.note(problem);
    }
}

/// So many lines, in words.
fn counted(lines: u64) -> String {
    match lines {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    }
}
