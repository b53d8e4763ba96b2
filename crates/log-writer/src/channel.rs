//! A channel of the command: bytes that are written to it become lines of the log.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use log_domain::Source;
use log_redact::Redaction;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use crate::lines::LineAssembler;
use crate::queue::{Admission, Queue, Text};

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

/// Turns the bytes of one channel into lines. Shared by the channel, the writer, and the timer.
pub(crate) struct Input {
    queue: Arc<Queue>,
    source: Source,
    /// The assembler counts its time from here.
    started_at: Instant,
    state: Mutex<InputState>,
    /// Whether a write waits for room in the buffer. Then the open line is not what the command has printed.
    is_blocked: AtomicBool,
    /// The runtime that the writer was started on. A channel may be used on another one.
    runtime: Handle,
}

struct InputState {
    assembler: LineAssembler,
    /// When the first line was held back that is still held back.
    held_since: Option<Duration>,
    /// The task that does what is due without further output: releases held lines, and tells the state of the open line.
    /// It ends when nothing is due, and with the channel.
    timer: Option<Timer>,
}

struct Timer {
    /// When it looks next at what is due.
    at: Duration,
    _task: AbortOnDropHandle<()>,
}

impl InputState {
    /// When something is due if no further output comes.
    fn due(&self) -> Option<Duration> {
        let held = self.held_since.map(|since| since + MAX_HOLD);
        held.into_iter()
            .chain(self.assembler.open_state_due())
            .min()
    }
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
            is_blocked: AtomicBool::new(false),
            runtime,
            state: Mutex::new(InputState {
                assembler,
                held_since: None,
                timer: None,
            }),
        }
    }

    /// Takes bytes.
    fn write(self: &Arc<Self>, chunk: &[u8], admission: Admission) {
        let mut state = self.state.lock();
        self.push(&mut state, admission, |assembler, now, out| {
            assembler.push(chunk, now, |line| out(Text::ended(line)));
        });
        let Some(due) = state.due() else { return };
        // A timer that looks earlier sets itself for later.
        if state.timer.as_ref().is_none_or(|timer| timer.at > due) {
            let input = Arc::downgrade(self);
            let task = self
                .runtime
                .spawn(Self::run_timer(input, self.started_at, due));
            state.timer = Some(Timer {
                at: due,
                _task: AbortOnDropHandle::new(task),
            });
        }
    }

    async fn run_timer(input: Weak<Self>, started_at: Instant, mut due: Duration) {
        loop {
            sleep_until(started_at + due).await;
            let Some(input) = input.upgrade() else { return };
            match input.do_what_is_due() {
                Some(next) => due = next,
                None => return,
            }
        }
    }

    /// Releases held lines and tells the state of the open line, if it is time. Returns when something is due next. The
    /// lines are accepted even if the buffer is full, because they are few.
    fn do_what_is_due(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        let held_since = state.held_since;
        let is_blocked = self.is_blocked.load(Ordering::Relaxed);
        self.push(&mut state, Admission::Accept, |assembler, now, out| {
            if held_since.is_some_and(|since| since + MAX_HOLD <= now) {
                assembler.release_held_lines(|line| out(Text::ended(line)));
            }
            if is_blocked {
                return;
            }
            let open = assembler.open_state(now, |line| out(Text::ended(line)));
            if let Some(text) = open {
                out(Text { text, open: true });
            }
        });
        let earliest = self.started_at.elapsed() + MAX_HOLD;
        let next = state
            .due()
            .map(|due| if is_blocked { due.max(earliest) } else { due });
        match (next, &mut state.timer) {
            (Some(next), Some(timer)) => timer.at = next,
            (_, timer) => *timer = None,
        }
        next
    }

    /// Hides by other rules from now on.
    pub(crate) fn set_redaction(&self, redaction: &Redaction) {
        self.state.lock().assembler.set_redaction(redaction);
    }

    /// Releases complete lines that wait for what follows.
    pub(crate) fn release_held_lines(&self) {
        let mut state = self.state.lock();
        self.push(&mut state, Admission::Accept, |assembler, _, out| {
            assembler.release_held_lines(|line| out(Text::ended(line)));
        });
    }

    /// Ends the last line. It is accepted even if the buffer is full.
    fn end(&self) {
        let mut state = self.state.lock();
        self.push(&mut state, Admission::Accept, |assembler, _, out| {
            assembler.finish(|line| out(Text::ended(line)));
        });
    }

    /// Pushes the lines that the assembler completes. The caller holds the lock, so that lines keep their order.
    fn push(
        &self,
        state: &mut InputState,
        admission: Admission,
        run: impl FnOnce(&mut LineAssembler, Duration, &mut dyn FnMut(Text)),
    ) {
        let mut lines = Vec::new();
        let now = self.started_at.elapsed();
        run(&mut state.assembler, now, &mut |line| lines.push(line));
        state.held_since = if state.assembler.holds_lines() {
            state.held_since.or(Some(now))
        } else {
            None
        };
        self.queue.push(admission, &self.source, lines);
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
        let polled = pending.as_mut().poll(cx);
        self.input
            .is_blocked
            .store(polled.is_pending(), Ordering::Relaxed);
        let admission = ready!(polled);
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
