//! `joblog run`: runs a command whose output becomes the log of a job.

mod finish;
mod outage;
mod prepare;

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use log_store::redis::RedisStore;
use log_writer::{Echo, LogWriter, Outcome, RunError};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::interval;

use self::finish::Finish;
use self::outage::OutageNotice;
use self::prepare::{Prepared, prepare};
use crate::args::RunArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::signals::{self, ReceivedSignal};
use crate::terminal::Terminal;
use crate::wait_notice::TICK;

pub(crate) async fn run(
    args: RunArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<u8, Failure> {
    let give_up_after = args.give_up_after;
    let prepared = prepare(args, env, terminal).await;
    let Prepared {
        writer,
        store,
        command,
    } = prepared.map_err(Failure::before_the_command)?;
    let signals = signals::listen();
    let mut signals = signals.map_err(|error| {
        let text = format_args!("cannot receive signals: {error}");
        Failure::new(Failure::RUN_FAILED, text)
    })?;
    let name = command.as_std().get_program().display().to_string();
    let mut outage = OutageNotice::default();
    let running = run_command(
        &writer,
        &store,
        command,
        &mut outage,
        &mut signals,
        terminal,
    );
    let ran = running.await;
    let (code, outcome, message) = match ran {
        Ok(status) => (
            code_from_status(status),
            Outcome::from(status),
            format!("The command ended with {}", describe(status)),
        ),
        Err(error) => {
            let (code, text) = code_from_error(&name, &error);
            terminal.message(&text);
            (code, Outcome::Failed, text)
        }
    };
    if outcome == Outcome::Failed {
        // Viewers of the log see why it ends here.
        writer.system(&message).await;
    }
    let finish = Finish {
        outcome,
        message,
        give_up_after,
    };
    finish.run(writer, outage, &mut signals, terminal).await;
    Ok(code)
}

/// Runs the command until it ends. Shows its output, forwards signals, and tells the user when Redis cannot be reached.
async fn run_command(
    writer: &LogWriter,
    store: &RedisStore,
    command: Command,
    outage: &mut OutageNotice,
    signals: &mut mpsc::Receiver<ReceivedSignal>,
    terminal: &mut Terminal,
) -> Result<ExitStatus, RunError> {
    let echo = Echo::to(tokio::io::stdout(), tokio::io::stderr());
    let running = writer.spawn(command, echo)?;
    let process = running.process();
    let mut end = Box::pin(running.wait());
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            status = &mut end => {
                if store.state().connected {
                    outage.end(terminal);
                }
                return status;
            }
            Some(signal) = signals.recv() => signal.forward(process.id()),
            _ = ticks.tick() => outage.tick(store, writer, terminal),
        }
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

/// The exit code and the message if the command could not be run.
fn code_from_error(name: &str, error: &RunError) -> (u8, String) {
    match error {
        RunError::Spawn(error) if error.kind() == io::ErrorKind::NotFound => (
            Failure::COMMAND_NOT_FOUND,
            format!("{name}: command not found"),
        ),
        RunError::Spawn(error) => (Failure::CANNOT_START, format!("{name}: {error}")),
        RunError::Wait(error) => (Failure::RUN_FAILED, format!("{name}: {error}")),
    }
}
