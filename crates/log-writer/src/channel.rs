//! A channel of the command: bytes that are written to it become lines of the log.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use log_domain::Source;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::lines::LineAssembler;
use crate::queue::{Admission, Queue};

/// The most bytes taken by one write, so that a write goes only a little beyond the buffer's capacity.
const MAX_WRITE: usize = 8 * 1024;

/// How long a complete line may wait for the next one because its end may be the beginning of a secret.
const MAX_HOLD: Duration = Duration::from_millis(100);

/// One channel of a log, for bytes as they come. Open one with [`crate::LogWriter::stdout`] or
/// [`crate::LogWriter::stderr`].
///
/// - A write waits while the buffer is full, as long as [`crate::BufferOptions::max_block`] allows.
/// - A flush does nothing, because a line without a newline cannot be shown yet. To wait for the store, use
///   [`crate::LogWriter::flush`].
/// - A shutdown ends the last line, even if it has no newline. Dropping the channel does the same.
/// - After the writer has ended, a write fails with a broken pipe.
pub struct Channel {
    input: Arc<Input>,
    /// The wait for room in the buffer, while a write is pending.
    admission: Option<Pin<Box<dyn Future<Output = Admission> + Send + Sync>>>,
}

/// Turns the bytes of one channel into lines. Shared by the channel, the writer, and the timer that releases held lines.
pub(crate) struct Input {
    queue: Arc<Queue>,
    source: Source,
    /// The assembler counts its time from here.
    started_at: Instant,
    state: Mutex<InputState>,
    /// The runtime that the writer was started on. A channel may be used on another one.
    runtime: Handle,
}

struct InputState {
    assembler: LineAssembler,
    /// The task that releases held lines after a while. It ends with the channel.
    release_timer: Option<AbortOnDropHandle<()>>,
}

impl Input {
    pub(crate) fn new(
        queue: Arc<Queue>,
        source: Source,
        assembler: LineAssembler,
        runtime: Handle,
    ) -> Self {
        Self {
            queue,
            source,
            started_at: Instant::now(),
            runtime,
            state: Mutex::new(InputState {
                assembler,
                release_timer: None,
            }),
        }
    }

    /// Takes bytes. If they leave a complete line waiting for the next one, a timer releases it.
    fn write(self: &Arc<Self>, chunk: &[u8], admission: Admission) {
        let mut state = self.state.lock();
        self.push(&mut state, admission, |assembler, now, out| {
            assembler.push(chunk, now, out);
        });
        if state.assembler.holds_lines() && state.release_timer.is_none() {
            let input = Arc::downgrade(self);
            let timer = self.runtime.spawn(async move {
                sleep(MAX_HOLD).await;
                if let Some(input) = input.upgrade() {
                    input.release_held_lines();
                }
            });
            state.release_timer = Some(AbortOnDropHandle::new(timer));
        }
    }

    /// Releases complete lines that wait for what follows. They are accepted even if the buffer is full, because they
    /// are few.
    pub(crate) fn release_held_lines(&self) {
        let mut state = self.state.lock();
        state.release_timer = None;
        self.push(&mut state, Admission::Accept, |assembler, now, out| {
            assembler.release_held_lines(now, out);
        });
    }

    /// Ends the last line. It is accepted even if the buffer is full.
    fn end(&self) {
        let mut state = self.state.lock();
        self.push(&mut state, Admission::Accept, |assembler, _, out| {
            assembler.finish(out);
        });
    }

    /// Pushes the lines that the assembler completes. The caller holds the lock, so that lines keep their order.
    fn push(
        &self,
        state: &mut InputState,
        admission: Admission,
        run: impl FnOnce(&mut LineAssembler, Duration, &mut dyn FnMut(String)),
    ) {
        let mut lines = Vec::new();
        let now = self.started_at.elapsed();
        run(&mut state.assembler, now, &mut |line| lines.push(line));
        self.queue.push(admission, self.source, lines);
    }
}

impl Channel {
    pub(crate) const fn new(input: Arc<Input>) -> Self {
        Self {
            input,
            admission: None,
        }
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Admission> {
        let queue = &self.input.queue;
        let pending = self.admission.get_or_insert_with(|| {
            let queue = Arc::clone(queue);
            Box::pin(async move { queue.admit().await })
        });
        let admission = ready!(pending.as_mut().poll(cx));
        self.admission = None;
        Poll::Ready(admission)
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let admission = ready!(this.poll_admission(cx));
        if admission == Admission::Closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let chunk = &bytes[..bytes.len().min(MAX_WRITE)];
        this.input.write(chunk, admission);
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.input.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.input.end();
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("source", &self.input.source)
            .finish_non_exhaustive()
    }
}
