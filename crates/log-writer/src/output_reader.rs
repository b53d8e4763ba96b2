//! Reads one output pipe of a command into a channel, and shows it on the way.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::channel::Channel;

/// How many bytes are read at a time.
const READ_BYTES: usize = 8 * 1024;

/// After the command has ended, another process may hold the pipe open. If the pipe is silent for this long, the output
/// counts as complete.
const MAX_SILENCE_AFTER_EXIT: Duration = Duration::from_millis(1500);

/// If the other process goes on writing, the output counts as complete after this time.
const MAX_READ_AFTER_EXIT: Duration = Duration::from_secs(10);

/// Where the output is shown.
pub(crate) type EchoSink = Box<dyn AsyncWrite + Send + Unpin>;

/// Why reading stopped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PipeEnd {
    /// All processes have closed the pipe.
    Closed,
    /// The command has ended, but another process holds the pipe open.
    HeldOpen,
}

/// Reads a pipe into a channel.
pub(crate) struct OutputReader<R> {
    pipe: R,
    channel: Channel,
    /// Where the output is also shown. `None` after a write has failed.
    echo: Option<EchoSink>,
    /// When the command ended.
    exited_at: watch::Receiver<Option<Instant>>,
    buffer: Vec<u8>,
    /// How long writes have waited since the command ended. This time does not count against
    /// [`MAX_READ_AFTER_EXIT`].
    blocked: Duration,
}

impl<R: AsyncRead + Unpin> OutputReader<R> {
    pub(crate) fn new(
        pipe: R,
        channel: Channel,
        echo: Option<EchoSink>,
        exited_at: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            pipe,
            channel,
            echo,
            exited_at,
            buffer: vec![0; READ_BYTES],
            blocked: Duration::ZERO,
        }
    }

    /// The pipe.
    pub(crate) const fn pipe(&self) -> &R {
        &self.pipe
    }

    /// Reads until the pipe is closed, or until the command has ended and the output counts as complete.
    pub(crate) async fn read_until_exit(&mut self) -> PipeEnd {
        let end = self.copy_until_exit().await;
        // This ends the last line. If another process writes more, a new line begins. A shutdown of a channel cannot
        // fail.
        let _ = self.channel.shutdown().await;
        end
    }

    /// Reads until the pipe is closed, so that the process that writes does not die of a broken pipe.
    pub(crate) async fn read_to_end(&mut self) {
        while let Ok(bytes @ 1..) = self.pipe.read(&mut self.buffer).await {
            self.write(bytes).await;
        }
    }

    async fn copy_until_exit(&mut self) -> PipeEnd {
        loop {
            if self.is_overdue() {
                return PipeEnd::HeldOpen;
            }
            // Bytes that are ready are read first, even after the silence.
            let read = tokio::select! {
                biased;
                read = self.pipe.read(&mut self.buffer) => read,
                () = silence_after_exit(self.exited_at.clone()) => return PipeEnd::HeldOpen,
            };
            // A pipe that cannot be read has ended too.
            let bytes = match read {
                Ok(0) | Err(_) => return PipeEnd::Closed,
                Ok(bytes) => bytes,
            };
            let started = Instant::now();
            self.write(bytes).await;
            if self.exited_at.borrow().is_some() {
                self.blocked += started.elapsed();
            }
        }
    }

    async fn write(&mut self, bytes: usize) {
        let bytes = &self.buffer[..bytes];
        if let Some(echo) = &mut self.echo
            && show(echo, bytes).await.is_err()
        {
            self.echo = None;
        }
        // The only error means that the writer has ended. Its log is complete, and these bytes do not belong to it.
        let _ = self.channel.write_all(bytes).await;
    }

    fn is_overdue(&self) -> bool {
        let exited_at = *self.exited_at.borrow();
        exited_at.is_some_and(|at| at.elapsed() > MAX_READ_AFTER_EXIT + self.blocked)
    }
}

async fn show(echo: &mut EchoSink, bytes: &[u8]) -> std::io::Result<()> {
    echo.write_all(bytes).await?;
    echo.flush().await
}

/// Returns when the command has ended and [`MAX_SILENCE_AFTER_EXIT`] has passed.
async fn silence_after_exit(mut exited_at: watch::Receiver<Option<Instant>>) {
    // An error means that the sender is gone, and with it the command.
    let _ = exited_at.wait_for(Option::is_some).await;
    sleep(MAX_SILENCE_AFTER_EXIT).await;
}

impl<R: fmt::Debug> fmt::Debug for OutputReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputReader")
            .field("pipe", &self.pipe)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use log_domain::JobId;
    use log_store::MemoryStore;
    use tokio::io::DuplexStream;

    use super::*;
    use crate::writer::LogWriter;

    /// A writer, a reader of a pipe, the other end of the pipe, and the switch that says when the command ended.
    fn start() -> (
        LogWriter,
        OutputReader<DuplexStream>,
        DuplexStream,
        watch::Sender<Option<Instant>>,
    ) {
        let job: JobId = "job-1".parse().unwrap();
        let writer = LogWriter::builder(job, Arc::new(MemoryStore::new())).start();
        let (process, pipe) = tokio::io::duplex(64);
        let (exit, exited_at) = watch::channel(None);
        let reader = OutputReader::new(pipe, writer.stdout(), None, exited_at);
        (writer, reader, process, exit)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_process_that_holds_the_pipe_open_is_waited_for_a_moment() {
        let (writer, mut reader, mut process, exit) = start();
        process.write_all(b"no newline").await.unwrap();
        exit.send_replace(Some(Instant::now()));
        let started = Instant::now();
        assert_eq!(reader.read_until_exit().await, PipeEnd::HeldOpen);
        assert_eq!(started.elapsed(), MAX_SILENCE_AFTER_EXIT);
        writer.flush().await.unwrap();
        assert_eq!(writer.stats().appended, 1, "the last line has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_never_stops_writing_is_read_for_ten_seconds_and_not_longer() {
        let (writer, mut reader, mut process, exit) = start();
        exit.send_replace(Some(Instant::now()));
        let started = Instant::now();
        let writes = async {
            loop {
                process.write_all(b"x\n").await.unwrap();
                sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            end = reader.read_until_exit() => assert_eq!(end, PipeEnd::HeldOpen),
            () = writes => unreachable!("it never ends"),
        }
        let took = started.elapsed();
        let limit = MAX_READ_AFTER_EXIT..MAX_READ_AFTER_EXIT + MAX_SILENCE_AFTER_EXIT;
        assert!(limit.contains(&took), "{took:?}");
        writer.flush().await.unwrap();
        assert!(writer.stats().appended >= 90);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pipe_that_closes_ends_the_output_at_once() {
        let (_writer, mut reader, process, exit) = start();
        drop(process);
        let started = Instant::now();
        assert_eq!(reader.read_until_exit().await, PipeEnd::Closed);
        assert_eq!(started.elapsed(), Duration::ZERO);
        drop(exit);
    }
}
