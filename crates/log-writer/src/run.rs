//! A command whose output is the log.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
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

/// Runs a command, with its output going into two channels.
pub(crate) async fn run(
    mut command: Command,
    stdout: Channel,
    stderr: Channel,
) -> Result<ExitStatus, RunError> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(RunError::Spawn)?;
    let (exited, exit) = watch::channel(None);
    let pumps = (
        child
            .stdout
            .take()
            .map(|pipe| Pump::new(pipe, stdout, exit.clone())),
        child
            .stderr
            .take()
            .map(|pipe| Pump::new(pipe, stderr, exit.clone())),
    );
    let wait = async {
        let status = child.wait().await.map_err(RunError::Wait);
        exited.send_replace(Some(Instant::now()));
        status
    };
    let (status, (), ()) = tokio::join!(wait, pump(pumps.0), pump(pumps.1));
    status
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
struct Pump<R> {
    pipe: R,
    channel: Channel,
    /// When the command ended.
    exit: watch::Receiver<Option<Instant>>,
    buffer: Vec<u8>,
    /// How long writes into the channel have waited: that time is not the command's.
    blocked: Duration,
}

impl<R: AsyncRead + Unpin> Pump<R> {
    fn new(pipe: R, channel: Channel, exit: watch::Receiver<Option<Instant>>) -> Self {
        Self {
            pipe,
            channel,
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
            // The only error is the end of the writer, whose log is whole: what comes now is nobody's.
            let _ = self.channel.write_all(&self.buffer[..bytes]).await;
            if self.exit.borrow().is_some() {
                self.blocked += Instant::now().duration_since(began);
            }
        }
    }

    /// Reads on to the very end, for the sake of whoever writes.
    async fn drain(&mut self) {
        while let Ok(bytes @ 1..) = self.pipe.read(&mut self.buffer).await {
            let _ = self.channel.write_all(&self.buffer[..bytes]).await;
        }
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

/// Returns when the command has ended, and then nothing has come for a while.
async fn silence(mut exit: watch::Receiver<Option<Instant>>) {
    // An error means that there is nobody left to wait for.
    let _ = exit.wait_for(Option::is_some).await;
    sleep(QUIET).await;
}
