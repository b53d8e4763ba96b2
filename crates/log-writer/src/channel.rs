//! A channel of the command: bytes written to it become lines of the log.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use log_domain::Source;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::lines::LineAssembler;
use crate::queue::{Admission, Queue};

/// Most bytes of one write that are taken at a time, so that little goes beyond the buffer's capacity.
const MAX_WRITE: usize = 8 * 1024;

/// How long a complete line may wait for the next one, because it ends with what may be the beginning of a secret.
const HOLD: Duration = Duration::from_millis(100);

/// One channel of a log, for bytes as they come. Get one from [`crate::LogWriter::stdout`] or
/// [`crate::LogWriter::stderr`].
///
/// A write waits while the buffer is full, as long as [`crate::BufferOptions::max_block`] allows. A flush waits
/// for nothing, because a line that has no newline yet cannot be shown; to wait for the store there is
/// [`crate::LogWriter::flush`]. A shutdown, or dropping the channel, ends a last line that has no newline. After
/// the writer has ended a write is a broken pipe.
pub struct Channel {
    input: Arc<Input>,
    /// The wait for room, while a write is pending.
    admission: Option<Pin<Box<dyn Future<Output = Admission> + Send + Sync>>>,
}

/// Where the bytes of one channel become lines, shared with whoever lets held lines go.
pub(crate) struct Input {
    queue: Arc<Queue>,
    source: Source,
    /// What the assembler counts its time from.
    began: Instant,
    state: Mutex<InputState>,
    /// Where the writer was started: a channel may be written to from anywhere.
    runtime: Handle,
}

struct InputState {
    assembler: LineAssembler,
    /// Whether a task waits to let held lines go.
    timer: bool,
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
            began: Instant::now(),
            runtime,
            state: Mutex::new(InputState {
                assembler,
                timer: false,
            }),
        }
    }

    /// Takes bytes. Lines that they leave waiting for the next ones go after a while.
    fn take(self: &Arc<Self>, chunk: &[u8], admission: Admission) {
        let starts_timer = {
            let mut state = self.lock();
            self.push(&mut state, admission, |assembler, now, out| {
                assembler.push(chunk, now, out);
            });
            let holds = state.assembler.holds_lines();
            holds && !std::mem::replace(&mut state.timer, holds)
        };
        if starts_timer {
            let input = Arc::downgrade(self);
            self.runtime.spawn(async move {
                sleep(HOLD).await;
                if let Some(input) = input.upgrade() {
                    input.settle();
                }
            });
        }
    }

    /// Lets complete lines go that wait for what follows. They are taken whatever waits: what holds them is bounded.
    pub(crate) fn settle(&self) {
        let mut state = self.lock();
        state.timer = false;
        self.push(&mut state, Admission::Take, |assembler, now, out| {
            assembler.settle(now, out);
        });
    }

    /// Ends a last line, which is taken whatever waits.
    fn end(&self) {
        let mut state = self.lock();
        self.push(&mut state, Admission::Take, |assembler, _, out| {
            assembler.finish(out);
        });
    }

    /// Pushes the lines that the assembler hands out. Under the lock, so that they keep their order.
    fn push(
        &self,
        state: &mut InputState,
        admission: Admission,
        run: impl FnOnce(&mut LineAssembler, Duration, &mut dyn FnMut(String)),
    ) {
        let mut lines = Vec::new();
        let now = Instant::now().duration_since(self.began);
        run(&mut state.assembler, now, &mut |line| lines.push(line));
        self.queue.push(admission, self.source, lines);
    }

    fn lock(&self) -> MutexGuard<'_, InputState> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        this.input.take(chunk, admission);
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
