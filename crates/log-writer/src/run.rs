//! Runs a command whose output becomes the log.

use std::collections::HashMap;
use std::io::{self, PipeReader};
use std::process::ExitStatus;

use thiserror::Error;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use crate::channel::Channel;
use crate::echo::Echo;
use crate::leftovers::LeftoverReaders;
use crate::output_reader::{Output, OutputEnd, OutputReader};
use crate::process::{EndGroupOnDrop, Process};
use crate::writer::LogWriter;

/// The command could not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// It did not start.
    #[error("the command could not be started: {0}")]
    Spawn(#[source] io::Error),
    /// Waiting for its end failed.
    #[error("could not wait for the end of the command: {0}")]
    Wait(#[source] io::Error),
}

/// How a command is run.
///
/// ```
/// use log_writer::{Echo, SpawnOptions};
///
/// let options = SpawnOptions::default()
///     .echo(Echo::to(tokio::io::stdout(), tokio::io::stderr()))
///     .merged();
/// ```
#[derive(Debug, Default)]
#[must_use = "options do nothing until a command is spawned with them"]
pub struct SpawnOptions {
    echo: Echo,
    is_merged: bool,
}

impl SpawnOptions {
    /// Where the output is shown. By default it is not.
    pub fn echo(mut self, echo: Echo) -> Self {
        self.echo = echo;
        self
    }

    /// Gives the command one pipe for both outputs, like `2>&1`. Then the log, and the echo, have the exact order in which
    /// lines were written; but all of them count as standard output. Without this, lines keep their order within each
    /// output, and between the two outputs as far as the system can tell: see [`crate::LogWriter::run`].
    pub const fn merged(mut self) -> Self {
        self.is_merged = true;
        self
    }
}

impl From<Echo> for SpawnOptions {
    fn from(echo: Echo) -> Self {
        Self::default().echo(echo)
    }
}

impl LogWriter {
    /// Runs a command and writes both of its outputs to the log. Returns when the command has ended and all of its
    /// output is in the buffer. The standard input of the command, and whether it outlives a dropped future, are as the
    /// `Command` says.
    ///
    /// Lines keep their order within each output. Between the two, the output that was written to first comes first. What one
    /// process writes to both within some microseconds, before this one runs, cannot be ordered: two pipes do not say it.
    /// [`SpawnOptions::merged`] keeps the exact order.
    ///
    /// The command may leave a process behind that keeps the output open. This waits for such a process while it writes,
    /// until it is silent for 1.5 s, and at most 10 s. What it writes later becomes lines too, until the writer ends.
    ///
    /// To cancel a command with all processes that it has started, use [`LogWriter::spawn_group`].
    ///
    /// # Errors
    /// The command cannot be started, or waiting for it fails.
    pub async fn run(&self, command: Command) -> Result<ExitStatus, RunError> {
        self.spawn(command, SpawnOptions::default())?.wait().await
    }

    /// Starts a command like [`LogWriter::run`], for callers that also show its output or send it signals.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn spawn(
        &self,
        command: Command,
        options: impl Into<SpawnOptions>,
    ) -> Result<Running, RunError> {
        self.start_command(command, Group::Shared, options.into())
    }

    /// Starts a command like [`LogWriter::spawn`], in a process group of its own. [`Running::process`] then stands for the
    /// command and everything that it has started. If the future of [`Running::wait`] is dropped, the group is killed.
    ///
    /// Not for a command that reads from a terminal: its terminal belongs to the group of the caller.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn spawn_group(
        &self,
        command: Command,
        options: impl Into<SpawnOptions>,
    ) -> Result<Running, RunError> {
        self.start_command(command, Group::Own, options.into())
    }

    fn start_command(
        &self,
        command: Command,
        group: Group,
        options: SpawnOptions,
    ) -> Result<Running, RunError> {
        let channels = (self.stdout(), self.stderr());
        // A thread of no runtime may start a command, too: the writer has a runtime.
        let _inside = Handle::try_current().is_err().then(|| self.runtime.enter());
        Running::start(command, group, channels, options, self.leftovers.clone())
    }
}

/// A running command whose output goes into a log. Nothing is read until [`Running::wait`] is called.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: OutputReader,
    exited_at: watch::Sender<Option<Instant>>,
    process: EndGroupOnDrop,
    /// See [`crate::LogWriter`].
    leftovers: LeftoverReaders,
}

impl Running {
    pub(crate) fn start(
        mut command: Command,
        group: Group,
        (stdout, stderr): (Channel, Channel),
        options: SpawnOptions,
        leftovers: LeftoverReaders,
    ) -> Result<Self, RunError> {
        if group == Group::Own {
            command.process_group(0);
        }
        let pipes = connect(&mut command, options.is_merged).map_err(RunError::Spawn)?;
        let outputs = [(stdout, options.echo.stdout), (stderr, options.echo.stderr)];
        let outputs = pipes.into_iter().zip(outputs);
        let outputs = outputs.map(|(pipe, (channel, shown))| Output {
            pipe: pipe.into(),
            channel,
            shown,
        });
        let (exited_at, exit) = watch::channel(None);
        let output = OutputReader::new(outputs.collect(), exit.clone()).map_err(RunError::Spawn)?;
        let child = command.spawn().map_err(RunError::Spawn)?;
        let process = Process::new(child.id(), group == Group::Own, exit);
        Ok(Self {
            child,
            output,
            exited_at,
            process: EndGroupOnDrop(process),
            leftovers,
        })
    }

    /// A handle to the process, for sending signals to it.
    #[must_use]
    pub fn process(&self) -> Process {
        self.process.0.clone()
    }

    /// Waits until the command has ended and all of its output is in the buffer. See [`crate::LogWriter::run`].
    ///
    /// # Errors
    /// Waiting for the end fails.
    pub async fn wait(self) -> Result<ExitStatus, RunError> {
        let Self {
            mut child,
            output,
            exited_at,
            process: _process,
            leftovers,
        } = self;
        let wait = async {
            let status = child.wait().await.map_err(RunError::Wait);
            exited_at.send_replace(Some(Instant::now()));
            status
        };
        let (status, ()) = tokio::join!(wait, read_output(output, &leftovers));
        status
    }
}

/// Connects the outputs of a command to new pipes: one for each, or one for both. Returns the ends to read.
fn connect(command: &mut Command, is_merged: bool) -> io::Result<Vec<PipeReader>> {
    let (out, to_out) = io::pipe()?;
    if is_merged {
        command.stdout(to_out.try_clone()?).stderr(to_out);
        return Ok(vec![out]);
    }
    let (err, to_err) = io::pipe()?;
    command.stdout(to_out).stderr(to_err);
    Ok(vec![out, err])
}

/// Reads the output of a command until its end.
///
/// If a process that the command left behind still holds a pipe open, reading goes on in the background. Otherwise that
/// process would die of a broken pipe.
async fn read_output(mut output: OutputReader, leftovers: &LeftoverReaders) {
    if output.read_until_exit().await == OutputEnd::Closed {
        return;
    }
    debug!("a process that the command left behind holds the output open");
    let outputs = leftovers.outputs.clone();
    // Without a copy the process dies of a broken pipe when this one ends. Nothing else changes.
    let held = output.pipes().held_open().into_iter();
    let places: HashMap<_, _> = held.map(|(pipe, end)| (pipe, outputs.add(end))).collect();
    leftovers.tasks.spawn(async move {
        let closed = |pipe| {
            if let Some(place) = places.get(&pipe) {
                outputs.remove(*place);
            }
        };
        output.read_to_end(closed).await;
    });
}

/// Whether a command shares the process group of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Shared,
    Own,
}
