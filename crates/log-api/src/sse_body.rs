//! A viewer as the body of an answer, for applications that serve our routes over connections of their own; over ours
//! a stream takes its socket over ([`crate::sender`]). No rules of its own: when to send what is the hub's business.
//!
//! Why not the `Sse` type of actix-web-lab: it encodes every event again for every client, and cannot send shared
//! bytes (docs/adr/0004-sse-body.md has the measurement).

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use log_hub::{Next, ThreadWaker, Viewer};

use crate::delivery::{BrokenOff, Delivery, TURN};

/// The most bytes handed to actix at once. With a write buffer of 4 KiB the connection's buffer then never grows, so
/// that a replay leaves no memory behind on ten thousand idle connections.
const MAX_CHUNK: usize = 4_000;

/// Streams a viewer's frames. Dropped when the client closes, which frees the viewer.
#[derive(Debug)]
pub struct SseBody {
    delivery: Delivery,
    /// What the viewer handed out and has not been sent yet.
    pending: Bytes,
    then: Then,
    /// What was sent in this turn.
    sent: usize,
}

/// What comes when `pending` is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    More,
    End,
    /// One empty turn first: actix throws away what it has not written when a body fails.
    FlushAndBreak,
    Break,
}

impl SseBody {
    /// The body of a viewer, of which `first` has been taken already.
    #[must_use]
    pub fn new(viewer: Viewer, first: Option<Next>) -> Self {
        Self::of(Delivery::new(viewer, first))
    }

    /// The body of what a stream delivers.
    pub(crate) fn of(delivery: Delivery) -> Self {
        Self {
            delivery,
            pending: Bytes::new(),
            then: Then::More,
            sent: 0,
        }
    }

    fn accept(&mut self, next: Next) {
        (self.pending, self.then) = match next {
            Next::Frames(frames) => (frames, Then::More),
            Next::Done(frames) => (frames, Then::End),
            Next::BrokenOff(frames) => (frames, Then::FlushAndBreak),
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
        self.delivery.hear(cx.waker());
        if !self.pending.is_empty() && self.delivery.is_withdrawn() {
            // What is half sent stays half sent: nothing more goes to who may not read it.
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
            match self.then {
                Then::More => match self.delivery.poll_next(cx) {
                    Poll::Ready(next) => self.accept(next),
                    Poll::Pending => {
                        if !self.delivery.catches_up() {
                            self.sent = 0;
                        }
                        return Poll::Pending;
                    }
                },
                Then::End => return Poll::Ready(None),
                Then::FlushAndBreak => {
                    self.then = Then::Break;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Then::Break => return Poll::Ready(Some(Err(BrokenOff))),
            }
        }
    }
}
