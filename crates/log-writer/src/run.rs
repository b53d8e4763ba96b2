//! A command whose output is the log.

use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::channel::Channel;

/// How many bytes are read from a pipe at a time.
const READ_BYTES: usize = 8 * 1024;

/// How long a pipe that a process left behind holds open may be silent after the command's exit.
const QUIET: Duration = Duration::from_millis(500);

/// How long such a process may go on writing before the command counts as over.
const AT_MOST: Duration = Duration::from_secs(5);

/// The command could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// It did not start.
    #[error("the command could not be started: {0}")]
    Spawn(#[source] std::io::Error),
    /// Its end could not be waited for.
    #[error("the command's end could not be waited for: {0}")]
    Wait(#[source] std::io::Error),
}

/// Where a command's output is shown, as it is, besides becoming the log. By default nowhere.
///
/// A write that fails ends the showing, never the log: whoever looked on has gone. One that waits slows the command
/// down, as it would without us.
#[derive(Default)]
pub struct Echo {
    stdout: Option<Shown>,
    stderr: Option<Shown>,
}

type Shown = Box<dyn AsyncWrite + Send + Unpin>;

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

/// A command that runs with its output going into a log. It does nothing unless it is waited for.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Option<Pump<ChildStdout>>,
    stderr: Option<Pump<ChildStderr>>,
    exited: watch::Sender<Option<Instant>>,
}

impl Running {
    pub(crate) fn start(
        mut command: Command,
        channels: (Channel, Channel),
        echo: Echo,
    ) -> Result<Self, RunError> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(RunError::Spawn)?;
        let (exited, exit) = watch::channel(None);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Ok(Self {
            stdout: stdout.map(|pipe| Pump::new(pipe, channels.0, echo.stdout, exit.clone())),
            stderr: stderr.map(|pipe| Pump::new(pipe, channels.1, echo.stderr, exit)),
            child,
            exited,
        })
    }

    /// Knows the process for as long as it is one.
    #[must_use]
    pub fn process(&self) -> Process {
        Process {
            id: self.child.id(),
            exit: self.exited.subscribe(),
        }
    }

    /// Waits for the command's end, and until all it wrote is on its way, as [`crate::LogWriter::run`] does.
    ///
    /// # Errors
    /// The end cannot be waited for.
    pub async fn wait(self) -> Result<ExitStatus, RunError> {
        let Self {
            mut child,
            stdout,
            stderr,
            exited,
        } = self;
        let wait = async {
            let status = child.wait().await.map_err(RunError::Wait);
            exited.send_replace(Some(Instant::now()));
            status
        };
        let (status, (), ()) = tokio::join!(wait, pump(stdout), pump(stderr));
        status
    }
}

/// The process of a [`Running`] command, for sending signals to it.
#[derive(Debug, Clone)]
pub struct Process {
    id: Option<u32>,
    exit: watch::Receiver<Option<Instant>>,
}

impl Process {
    /// Its id, until its end has been noticed: from then on the id may be another process's.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.id.filter(|_| self.exit.borrow().is_none())
    }
}

/// Pumps until the pipe ends. One that a process left behind holds open is read on in the background, so that
/// this process does not die of a broken pipe.
async fn pump<R: AsyncRead + Unpin + Send + 'static>(pump: Option<Pump<R>>) {
    let Some(mut pump) = pump else { return };
    if pump.until_the_end().await == PipeEnd::LeftOpen {
        debug!("a process left behind still holds the command's output open");
        tokio::spawn(async move { pump.drain().await });
    }
}

/// How pumping a pipe came to an end.
#[derive(Debug, PartialEq, Eq)]
enum PipeEnd {
    /// Everybody who could write has closed it.
    Closed,
    /// The command has ended, and somebody else still holds it open.
    LeftOpen,
}

/// Reads a pipe into a channel.
#[derive(Debug)]
struct Pump<R> {
    pipe: R,
    channel: Channel,
    /// Where the bytes are shown besides, until that fails.
    echo: EchoOne,
    /// When the command ended.
    exit: watch::Receiver<Option<Instant>>,
    buffer: Vec<u8>,
    /// How long writes into the channel have waited: that time is not the command's.
    blocked: Duration,
}

impl<R: AsyncRead + Unpin> Pump<R> {
    fn new(
        pipe: R,
        channel: Channel,
        echo: Option<Shown>,
        exit: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            pipe,
            channel,
            echo: EchoOne(echo),
            exit,
            buffer: vec![0; READ_BYTES],
            blocked: Duration::ZERO,
        }
    }

    async fn until_the_end(&mut self) -> PipeEnd {
        loop {
            if self.is_overdue() {
                return self.end(PipeEnd::LeftOpen).await;
            }
            // What is there is read, however late it is.
            let read = tokio::select! {
                biased;
                read = self.pipe.read(&mut self.buffer) => read,
                () = silence(self.exit.clone()) => return self.end(PipeEnd::LeftOpen).await,
            };
            // A pipe that cannot be read has ended, too.
            let bytes = match read {
                Ok(0) | Err(_) => return self.end(PipeEnd::Closed).await,
                Ok(bytes) => bytes,
            };
            let began = Instant::now();
            self.pass_on(bytes).await;
            if self.exit.borrow().is_some() {
                self.blocked += Instant::now().duration_since(began);
            }
        }
    }

    /// Reads on to the very end, for the sake of whoever writes.
    async fn drain(&mut self) {
        while let Ok(bytes @ 1..) = self.pipe.read(&mut self.buffer).await {
            self.pass_on(bytes).await;
        }
    }

    async fn pass_on(&mut self, bytes: usize) {
        self.echo.show(&self.buffer[..bytes]).await;
        // The only error is the end of the writer, whose log is whole: what comes now is nobody's.
        let _ = self.channel.write_all(&self.buffer[..bytes]).await;
    }

    /// Ends a last line. What a process that is left behind writes begins a new one.
    async fn end(&mut self, end: PipeEnd) -> PipeEnd {
        // A channel's shutdown does not fail.
        let _ = self.channel.shutdown().await;
        end
    }

    /// Whether others have gone on writing for too long since the command ended.
    fn is_overdue(&self) -> bool {
        let exit = *self.exit.borrow();
        exit.is_some_and(|exit| Instant::now() > exit + AT_MOST + self.blocked)
    }
}

/// One channel's part of an [`Echo`].
struct EchoOne(Option<Shown>);

impl EchoOne {
    async fn show(&mut self, bytes: &[u8]) {
        let Some(shown) = &mut self.0 else { return };
        let written = async {
            shown.write_all(bytes).await?;
            shown.flush().await
        };
        if written.await.is_err() {
            self.0 = None;
        }
    }
}

impl fmt::Debug for EchoOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EchoOne").field(&self.0.is_some()).finish()
    }
}

/// Returns when the command has ended, and then nothing has come for a while.
async fn silence(mut exit: watch::Receiver<Option<Instant>>) {
    // An error means that there is nobody left to wait for.
    let _ = exit.wait_for(Option::is_some).await;
    sleep(QUIET).await;
}
