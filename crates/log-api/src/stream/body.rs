//! A stream as the body of an answer. It serves connections that cannot be taken over ([`super::takeover`]): HTTP/1.0, and
//! applications that mount our routes over connections of their own.
//!
//! Why not the `Sse` type of actix-web-lab: it encodes every event again for every client, and cannot send shared
//! bytes (docs/adr/0004-sse-body.md has the measurement).

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use log_hub::{Next, ThreadWaker, Viewer};

use super::session::{BrokenOff, StreamSession, TURN};

/// The most bytes handed to actix at once. With a write buffer of 4 KiB the connection's buffer then never grows, and a
/// replay leaves no memory behind on an idle connection.
const MAX_CHUNK: usize = 4_000;

/// Streams the frames of a viewer. Actix drops it when the client closes, which frees the viewer.
#[derive(Debug)]
pub struct SseBody {
    session: StreamSession,
    /// What came from the viewer and is not sent yet.
    pending: Bytes,
    after_pending: AfterPending,
    /// How much was sent in this turn.
    sent: usize,
}

/// What happens when `pending` is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AfterPending {
    Continue,
    End,
    /// Yields once first: when a body fails, actix throws away what it has not written yet.
    FlushAndBreakOff,
    BreakOff,
}

impl SseBody {
    /// The body of a viewer whose stream nobody counts or ends early.
    #[must_use]
    pub fn new(viewer: Viewer) -> Self {
        Self::from_session(StreamSession::without_permit(viewer))
    }

    /// The body of a stream.
    pub(crate) fn from_session(session: StreamSession) -> Self {
        Self {
            session,
            pending: Bytes::new(),
            after_pending: AfterPending::Continue,
            sent: 0,
        }
    }

    fn accept(&mut self, next: Next) {
        (self.pending, self.after_pending) = match next {
            Next::Frames(frames) => (frames, AfterPending::Continue),
            Next::Done(frames) => (frames, AfterPending::End),
            Next::BrokenOff(frames) => (frames, AfterPending::FlushAndBreakOff),
        };
    }
}

impl MessageBody for SseBody {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        self.session.read_signal(cx.waker());
        if !self.pending.is_empty() && self.session.is_withdrawn() {
            // An event that is half sent stays half sent: the client may not read the rest.
            self.accept(Next::BrokenOff(Bytes::new()));
        }
        loop {
            if !self.pending.is_empty() {
                if self.sent >= TURN {
                    self.sent = 0;
                    ThreadWaker::take_turn(cx);
                    return Poll::Pending;
                }
                let len = self.pending.len().min(MAX_CHUNK);
                self.sent += len;
                return Poll::Ready(Some(Ok(self.pending.split_to(len))));
            }
            match self.after_pending {
                AfterPending::Continue => match self.session.poll_next(cx) {
                    Poll::Ready(next) => self.accept(next),
                    Poll::Pending => {
                        if !self.session.catches_up() {
                            self.sent = 0;
                        }
                        return Poll::Pending;
                    }
                },
                AfterPending::End => return Poll::Ready(None),
                AfterPending::FlushAndBreakOff => {
                    self.after_pending = AfterPending::BreakOff;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                AfterPending::BreakOff => return Poll::Ready(Some(Err(BrokenOff))),
            }
        }
    }
}
