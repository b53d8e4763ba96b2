//! The task of a stream that has taken its socket over. The head of the answer is out; the body goes from shared bytes to
//! the kernel without a buffer in between.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Buf as _;
use log_hub::{Next, ThreadWaker};

use super::chunk::{self, Chunk, Framing};
use super::session::{StreamSession, TURN};
use super::signal_waker::SignalWaker;
use crate::net::Socket;

/// Sends a stream over its socket until either of them ends.
pub(super) struct Sender {
    /// Before the session: the socket is closed first, so that a stream that is no longer counted is really closed.
    socket: Socket,
    session: StreamSession,
    framing: Framing,
    /// What is left to send of the current chunk.
    chunk: Chunk,
    after_chunk: AfterChunk,
    /// How much was sent in this turn.
    sent: usize,
    signal_waker: Option<Arc<SignalWaker>>,
}

/// What happens when the chunk is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterChunk {
    Continue,
    End,
    BreakOff,
}

/// How a stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// With its last event, and the end of the body.
    Whole,
    /// Before that.
    Broken,
}

impl Sender {
    pub(super) fn new(socket: Socket, session: StreamSession, framing: Framing) -> Self {
        Self {
            socket,
            session,
            framing,
            chunk: chunk::empty(),
            after_chunk: AfterChunk::Continue,
            sent: 0,
            signal_waker: None,
        }
    }

    /// Sends until the stream is over. Returns the socket if another request may follow on it: the body is whole, and its
    /// end is known without a close.
    pub(super) async fn run(mut self) -> Option<Socket> {
        let ending = poll_fn(|cx| self.poll(cx)).await;
        let is_whole = matches!(ending, Ending::Whole);
        if !is_whole && self.framing == Framing::UntilClose {
            self.socket.close_by_reset();
        }
        let may_go_on = is_whole && self.framing == Framing::Chunked && self.socket.is_reusable();
        may_go_on.then_some(self.socket)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        if let Some(waker) = self.woken_signal_waker(cx) {
            self.session.read_signal(&waker);
            let mut cx = Context::from_waker(&waker);
            if self.socket.poll_gone(&mut cx).is_ready() {
                return Poll::Ready(Ending::Broken);
            }
        }
        // A client that has left is not an error.
        self.poll_send(cx)
            .map(|ending| ending.unwrap_or(Ending::Broken))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Ending>> {
        loop {
            while self.chunk.has_remaining() {
                // An event that is half sent stays half sent: the client may not read the rest.
                if self.session.is_withdrawn() {
                    return Poll::Ready(Ok(Ending::Broken));
                }
                if self.sent >= TURN {
                    self.sent = 0;
                    ThreadWaker::take_turn(cx);
                    return Poll::Pending;
                }
                let written = ready!(self.poll_write(cx))?;
                self.sent += written;
                self.chunk.advance(written);
            }
            // Frees its memory: the next chunk may be long in coming.
            self.chunk = chunk::empty();
            match self.after_chunk {
                AfterChunk::Continue => {
                    let Poll::Ready(next) = self.session.poll_next(cx) else {
                        if !self.session.catches_up() {
                            self.sent = 0;
                        }
                        return Poll::Pending;
                    };
                    (self.chunk, self.after_chunk) = match next {
                        Next::Frames(frames) => {
                            let chunk = chunk::from_frames(self.framing, frames);
                            (chunk, AfterChunk::Continue)
                        }
                        Next::Done(frames) => (chunk::last(self.framing, frames), AfterChunk::End),
                        Next::BrokenOff(frames) => {
                            let chunk = chunk::from_frames(self.framing, frames);
                            (chunk, AfterChunk::BreakOff)
                        }
                    };
                }
                AfterChunk::End => {
                    if !self.socket.is_reusable() {
                        ready!(self.socket.poll_shutdown(cx))?;
                    }
                    return Poll::Ready(Ok(Ending::Whole));
                }
                // Closed without a last chunk, so that the client sees that the body is not complete.
                AfterChunk::BreakOff => return Poll::Ready(Ok(Ending::Broken)),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut parts = [IoSlice::new(&[]); 3];
        match self.chunk.chunks_vectored(&mut parts) {
            1 => self.socket.poll_write(cx, &parts[0]),
            count => self.socket.poll_write_vectored(cx, &parts[..count]),
        }
    }

    /// The waker for the client's leaving and for the signal to end, if it was woken or is new.
    fn woken_signal_waker(&mut self, cx: &Context<'_>) -> Option<Waker> {
        match &self.signal_waker {
            Some(waker) if waker.is_for(cx) => waker.was_woken().then(|| Arc::clone(waker).into()),
            _ => Some(
                self.signal_waker
                    .insert(SignalWaker::new(cx))
                    .clone()
                    .into(),
            ),
        }
    }
}
