//! A stream that has taken its socket over: the head of the answer is out, and what follows goes from shared bytes to the
//! kernel, without a buffer of its own.

mod chunk;

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use bytes::{Buf as _, Bytes};
use log_hub::{Next, ThreadWaker};

use self::chunk::Chunk;
use crate::connections::{Socket, Takeover};
use crate::delivery::{BrokenOff, Delivery, TURN};

/// The body of an answer whose connection is taken over when its head is out.
#[derive(Debug)]
pub(crate) struct TakenOver {
    takeover: Takeover,
    delivery: Option<Delivery>,
}

impl TakenOver {
    pub(crate) fn new(takeover: Takeover, delivery: Delivery) -> Self {
        let delivery = Some(delivery);
        Self { takeover, delivery }
    }
}

impl MessageBody for TakenOver {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// Asked for the first time, the answer is on its way; before, it could still have become another.
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        if let Some(delivery) = self.delivery.take() {
            self.takeover.by(|socket| {
                rt::spawn(Sender::new(socket, delivery));
            });
        }
        Poll::Pending
    }
}

/// Sends a stream over its socket, until either ends.
struct Sender {
    socket: Socket,
    delivery: Delivery,
    /// What is being sent, as it is left to send.
    chunk: Chunk,
    then: Then,
    /// What was sent in this turn.
    sent: usize,
    ear: Option<Arc<Ear>>,
}

/// What comes when the chunk is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    More,
    End,
    Break,
}

impl Sender {
    fn new(socket: Socket, delivery: Delivery) -> Self {
        Self {
            socket,
            delivery,
            chunk: chunk::none(),
            then: Then::More,
            sent: 0,
            ear: None,
        }
    }

    /// Ready when the stream is over, whichever way.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while self.chunk.has_remaining() {
                // What is half sent stays half sent: nothing more goes to who may not read it.
                if self.delivery.is_withdrawn() {
                    return Poll::Ready(Ok(()));
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
            // The next one may be long in coming.
            self.chunk = chunk::none();
            match self.then {
                Then::More => {
                    let Poll::Ready(next) = self.delivery.poll_next(cx) else {
                        if !self.delivery.catches_up() {
                            self.sent = 0;
                        }
                        return Poll::Pending;
                    };
                    (self.chunk, self.then) = match next {
                        Next::Frames(frames) => (chunk::of(frames), Then::More),
                        Next::Done(frames) => (chunk::last_of(frames), Then::End),
                        Next::BrokenOff(frames) => (chunk::of(frames), Then::Break),
                    };
                }
                Then::End => return self.socket.poll_shutdown(cx),
                // Closed without the last chunk, so that the client sees that it is not complete.
                Then::Break => return Poll::Ready(Ok(())),
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

    /// A waker for what seldom happens, where something of it may have happened.
    fn called(&mut self, cx: &Context<'_>) -> Option<Waker> {
        match &self.ear {
            Some(ear) if ear.task.will_wake(cx.waker()) => {
                ear.was_called().then(|| Arc::clone(ear).into())
            }
            _ => Some(self.ear.insert(Ear::of(cx)).clone().into()),
        }
    }
}

impl Future for Sender {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(waker) = self.called(cx) {
            self.delivery.hear(&waker);
            let mut cx = Context::from_waker(&waker);
            if self.socket.poll_gone(&mut cx).is_ready() {
                return Poll::Ready(());
            }
        }
        // A client that is gone is no error.
        self.poll_send(cx).map(|_| ())
    }
}

/// Hears what seldom happens to a stream: its client leaves, it is called on to end. So that it is not asked for at every
/// line, which is what mostly wakes a stream.
struct Ear {
    called: AtomicBool,
    /// The stream's.
    task: Waker,
}

impl Ear {
    fn of(cx: &Context<'_>) -> Arc<Self> {
        Arc::new(Self {
            called: AtomicBool::new(false),
            task: cx.waker().clone(),
        })
    }

    /// Whether it was called since it was asked last.
    fn was_called(&self) -> bool {
        self.called.load(Ordering::Acquire) && self.called.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.called.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}
