//! Runs a command whose output becomes the log.

use std::fmt;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::channel::Channel;
use crate::leftovers::Leftovers;
use crate::output_reader::{EchoSink, OutputReader, PipeEnd};
use crate::process::{EndGroupOnDrop, Process};

/// The command could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// It did not start.
    #[error("the command could not be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// Waiting for its end failed.
    #[error("could not wait for the end of the command: {0}")]
    Wait(#[source] std::io::Error),
}

/// Where to show a command's output unchanged, in addition to the log. By default it is not shown.
///
/// If a write fails, because the reader has gone away for example, the output is no longer shown, and the log goes on. If
/// a write waits, the command waits too, as it would without this crate.
#[derive(Default)]
pub struct Echo {
    stdout: Option<EchoSink>,
    stderr: Option<EchoSink>,
}

impl Echo {
    /// Shows standard output and standard error in two places.
    pub fn to(
        stdout: impl AsyncWrite + Send + Unpin + 'static,
        stderr: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            stdout: Some(Box::new(stdout)),
            stderr: Some(Box::new(stderr)),
        }
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo")
            .field("stdout", &self.stdout.is_some())
            .field("stderr", &self.stderr.is_some())
            .finish()
    }
}

/// A running command whose output goes into a log. Nothing is read until [`Running::wait`] is called.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<OutputReader<ChildStdout>>,
    stderr: Option<OutputReader<ChildStderr>>,
    exited_at: watch::Sender<Option<Instant>>,
    process: EndGroupOnDrop,
    /// See [`crate::LogWriter`].
    leftovers: LeftoverReaders,
}

/// What a command may leave behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftoverReaders {
    /// The outputs that are held open.
    pub(crate) outputs: Leftovers,
    /// The tasks that read them.
    pub(crate) tasks: TaskTracker,
}

impl Running {
    pub(crate) fn start(
        mut command: Command,
        group: Group,
        (stdout, stderr): (Channel, Channel),
        echo: Echo,
        leftovers: LeftoverReaders,
    ) -> Result<Self, RunError> {
        if group == Group::Own {
            command.process_group(0);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(RunError::Spawn)?;
        let (exited_at, exit) = watch::channel(None);
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let process = Process::new(child.id(), group == Group::Own, exit.clone());
        let process = EndGroupOnDrop(process);
        Ok(Self {
            stdout: out.map(|pipe| OutputReader::new(pipe, stdout, echo.stdout, exit.clone())),
            stderr: err.map(|pipe| OutputReader::new(pipe, stderr, echo.stderr, exit)),
            child,
            exited_at,
            process,
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
            stdout,
            stderr,
            exited_at,
            process: _process,
            leftovers,
        } = self;
        let wait = async {
            let status = child.wait().await.map_err(RunError::Wait);
            exited_at.send_replace(Some(Instant::now()));
            status
        };
        let (status, (), ()) = tokio::join!(
            wait,
            read_output(stdout, &leftovers),
            read_output(stderr, &leftovers)
        );
        status
    }
}

/// Reads one output of a command until its end.
///
/// If a process that the command left behind still holds the pipe open, reading goes on in the background. Otherwise that
/// process would die of a broken pipe.
async fn read_output<R: AsFd + AsyncRead + Unpin + Send + 'static>(
    reader: Option<OutputReader<R>>,
    leftovers: &LeftoverReaders,
) {
    let Some(mut reader) = reader else { return };
    if reader.read_until_exit().await == PipeEnd::HeldOpen {
        debug!("a process that the command left behind holds the output open");
        let outputs = leftovers.outputs.clone();
        // Without a copy the process dies of a broken pipe when this one ends. Nothing else changes.
        let place = outputs.add(reader.pipe().as_fd().try_clone_to_owned().ok());
        leftovers.tasks.spawn(async move {
            reader.read_to_end().await;
            outputs.remove(place);
        });
    }
}

/// Whether a command shares the process group of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Shared,
    Own,
}
