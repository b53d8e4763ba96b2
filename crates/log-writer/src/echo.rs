//! Shows the output of a command unchanged, in addition to the log.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Where the output is shown.
type Sink = Pin<Box<dyn AsyncWrite + Send>>;

/// Where to show a command's output unchanged, in addition to the log. By default it is not shown.
///
/// If a write fails, because the reader has gone away for example, the output is no longer shown, and the log goes on. If
/// a write waits, the command waits too, as it would without this crate.
#[derive(Debug, Default)]
pub struct Echo {
    pub(crate) stdout: Shown,
    pub(crate) stderr: Shown,
}

impl Echo {
    /// Shows standard output and standard error in two places.
    pub fn to(
        stdout: impl AsyncWrite + Send + 'static,
        stderr: impl AsyncWrite + Send + 'static,
    ) -> Self {
        Self {
            stdout: Shown::new(Box::pin(stdout)),
            stderr: Shown::new(Box::pin(stderr)),
        }
    }
}

/// One output, as it is shown.
#[derive(Default)]
pub(crate) struct Shown {
    /// `None` if it is not shown, or no longer because a write has failed.
    sink: Option<Sink>,
    /// What is not written yet.
    waiting: Vec<u8>,
    /// How much of it is.
    written: usize,
}

impl Shown {
    const fn new(sink: Sink) -> Self {
        Self {
            sink: Some(sink),
            waiting: Vec::new(),
            written: 0,
        }
    }

    /// Adds bytes, which [`Shown::poll`] writes. The bytes before them have been written.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        if self.sink.is_some() {
            self.waiting.extend_from_slice(bytes);
        }
    }

    /// Whether bytes wait.
    pub(crate) const fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Writes what waits. Ready when nothing does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_empty() {
            return Poll::Ready(());
        }
        let shown = ready!(self.poll_write(cx));
        if shown.is_none() {
            self.sink = None;
        }
        self.waiting.clear();
        self.written = 0;
        Poll::Ready(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let Some(sink) = &mut self.sink else {
            return Poll::Ready(None);
        };
        while self.written < self.waiting.len() {
            let rest = &self.waiting[self.written..];
            match ready!(sink.as_mut().poll_write(cx, rest)) {
                Ok(bytes @ 1..) => self.written += bytes,
                Ok(0) | Err(_) => return Poll::Ready(None),
            }
        }
        sink.as_mut().poll_flush(cx).map(Result::ok)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown")
            .field("is_shown", &self.sink.is_some())
            .finish_non_exhaustive()
    }
}
