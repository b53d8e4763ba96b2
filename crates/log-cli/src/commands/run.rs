//! `joblog run`: runs a command whose output becomes the log of a job.

mod destination;
mod finish;
mod leftovers;
mod outage;
mod prepare;
mod prepare_api;
mod program;
mod secrets;

use std::future::pending;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use log_writer::{LogWriter, Outcome, Process, RunError, Running};
use signal_hook::consts::SIGKILL;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until};

use self::finish::Finish;
pub(crate) use self::leftovers::discard;
use self::outage::OutageNotice;
use self::prepare::Prepared;
use crate::args::RunArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::signals::{self, CommandGroup, ReceivedSignal};
use crate::terminal::Terminal;
use crate::wait_notice::TICK;

/// Runs the command. Its log goes to the API at an address, or to Redis.
pub(crate) async fn run(
    url: Option<&str>,
    args: RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let prepared = match url {
        Some(url) => prepare_api::prepare(url, &args, env, terminal).await,
        None => prepare::prepare(&args, env, terminal).await,
    };
    let Prepared {
        writer,
        destination,
        program,
    } = prepared.map_err(Failure::before_the_command)?;
    let signals = signals::listen();
    let mut signals = signals.map_err(|error| {
        let text = format_args!("cannot receive signals: {error}");
        Failure::new(Failure::RUN_FAILED, text)
    })?;
    let group = CommandGroup::find();
    let mut outage = OutageNotice::new(&destination);
    let ended = match program.start(&writer, env, group, args.merge) {
        Ok(running) => {
            let command = RunningCommand {
                writer: &writer,
                process: running.process(),
                group,
                kill_after: args.kill_after,
                kill_at: None,
            };
            let status = command.wait(running, &mut outage, &mut signals, terminal);
            status.await.map_err(|error| {
                let text = format_args!("{}: {error}", program.name());
                Failure::new(Failure::RUN_FAILED, text)
            })
        }
        Err(failure) => Err(failure),
    };
    let (code, outcome, message) = match ended {
        Ok(status) => (
            code_from_status(status),
            Outcome::from(status),
            format!("The command ended with {}", describe(status)),
        ),
        Err(failure) => {
            terminal.message(&failure);
            (failure.code, Outcome::Failed, failure.to_string())
        }
    };
    if outcome == Outcome::Failed {
        // Viewers of the log see why it ends here.
        writer.system(&message).await;
    }
    let leftovers = writer.leftovers();
    let finish = Finish {
        server: destination.name(),
        outcome,
        message,
        give_up_after: args.give_up_after,
    };
    finish.run(writer, outage, &mut signals, terminal).await;
    leftovers::hand_over(&leftovers, terminal);
    Ok(code)
}

/// A command while it runs.
struct RunningCommand<'a> {
    writer: &'a LogWriter,
    process: Process,
    group: CommandGroup,
    /// How long it may go on after a signal that asks it to stop.
    kill_after: Duration,
    /// When it is killed.
    kill_at: Option<Instant>,
}

impl RunningCommand<'_> {
    /// Waits until the command has ended. Shows its output, forwards signals, and tells the user when the log's server
    /// cannot be reached.
    async fn wait(
        mut self,
        running: Running,
        outage: &mut OutageNotice<'_>,
        signals: &mut mpsc::Receiver<ReceivedSignal>,
        terminal: &mut Terminal,
    ) -> Result<ExitStatus, RunError> {
        let mut end = Box::pin(running.wait());
        let mut ticks = interval(TICK);
        let mut status = None;
        loop {
            // After a signal, the end of the command is the end of everything that it has started.
            if let Some(status) =
                status.take_if(|_| self.kill_at.is_none() || !self.process.is_running())
            {
                outage.command_ended(terminal);
                return status;
            }
            tokio::select! {
                ended = &mut end, if status.is_none() => status = Some(ended),
                Some(signal) = signals.recv() => self.forward(signal),
                () = at(self.kill_at) => self.kill(terminal),
                _ = ticks.tick() => outage.tick(self.writer, terminal),
            }
        }
    }

    fn forward(&mut self, signal: ReceivedSignal) {
        signal.forward(&self.process, self.group);
        if self.group == CommandGroup::Own && signal.starts_grace() {
            self.kill_at
                .get_or_insert_with(|| Instant::now() + self.kill_after);
        }
    }

    fn kill(&mut self, terminal: &mut Terminal) {
        let seconds = self.kill_after.as_secs();
        terminal.message(format_args!(
            "killing the command: it did not end within {seconds} s after the signal"
        ));
        self.process.signal(SIGKILL);
        self.kill_at = None;
    }
}

/// Waits until a time, or for ever.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// The exit code of the command, in the same way as a shell reports it.
fn code_from_status(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Failure::RUN_FAILED)
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
