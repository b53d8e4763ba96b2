//! A channel of the command: bytes written to it become lines of the log.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use log_domain::Source;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::lines::{LineAssembler, LineOptions};
use crate::queue::{Admission, Queue};

/// Most bytes of one write that are taken at a time, so that little goes beyond the buffer's capacity.
const MAX_WRITE: usize = 8 * 1024;

/// One channel of a log, for bytes as they come. Get one from [`crate::LogWriter::stdout`] or
/// [`crate::LogWriter::stderr`].
///
/// A write waits while the buffer is full, as long as [`crate::BufferOptions::max_block`] allows. A flush waits
/// for nothing, because a line that has no newline yet cannot be shown; to wait for the store there is
/// [`crate::LogWriter::flush`]. A shutdown, or dropping the channel, ends a last line that has no newline. After
/// the writer has ended a write is a broken pipe.
pub struct Channel {
    queue: Arc<Queue>,
    source: Source,
    assembler: LineAssembler,
    /// What the assembler counts its time from.
    began: Instant,
    /// The wait for room, while a write is pending.
    admission: Option<Pin<Box<dyn Future<Output = Admission> + Send + Sync>>>,
}

impl Channel {
    pub(crate) fn new(queue: Arc<Queue>, source: Source, options: LineOptions) -> Self {
        Self {
            queue,
            source,
            assembler: LineAssembler::new(options),
            began: Instant::now(),
            admission: None,
        }
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Admission> {
        let queue = &self.queue;
        let pending = self.admission.get_or_insert_with(|| {
            let queue = Arc::clone(queue);
            Box::pin(async move { queue.admit().await })
        });
        let admission = ready!(pending.as_mut().poll(cx));
        self.admission = None;
        Poll::Ready(admission)
    }

    fn take(&mut self, chunk: &[u8], admission: Admission) {
        let mut lines = Vec::new();
        let now = Instant::now().duration_since(self.began);
        self.assembler.push(chunk, now, |line| lines.push(line));
        self.queue.push(admission, self.source, lines);
    }

    /// Ends a last line. It is taken whatever waits: there is at most one, and its length is bounded.
    fn end(&mut self) {
        let mut lines = Vec::new();
        self.assembler.finish(|line| lines.push(line));
        self.queue.push(Admission::Take, self.source, lines);
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
        this.take(chunk, admission);
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
