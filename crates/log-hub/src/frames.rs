//! A viewer as a `Stream` of bytes: the body of an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use log_wire::sse;

use crate::broken_off::BrokenOff;
use crate::next::Next;
use crate::viewer::Viewer;

/// The whole body of a `text/event-stream` answer. It begins with a `heartbeat`: proxies hold a head back until the first byte
/// of the body comes, and the client has its cursor from the start.
///
/// After `done` the stream ends. Before an error it pauses once, so that the HTTP layer can send what it has. The error must
/// **break the body off**, which every HTTP layer does with an error of a body: a client that sees a clean end without `done`
/// may wait for ever.
#[derive(Debug)]
pub struct Frames {
    viewer: Viewer,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begins,
    Runs,
    /// The last bytes of a stream that is broken off were handed out.
    Flushes,
    BreaksOff,
    IsOver,
}

impl Viewer {
    /// The viewer as the body of an answer.
    #[must_use]
    pub const fn into_frames(self) -> Frames {
        Frames {
            viewer: self,
            state: State::Begins,
        }
    }
}

impl Stream for Frames {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.state {
            State::Begins => {
                self.state = State::Runs;
                let mut greeting = Vec::new();
                sse::write_heartbeat(&mut greeting, self.viewer.position());
                Poll::Ready(Some(Ok(greeting.into())))
            }
            State::Runs => {
                let (frames, state) = match ready!(self.viewer.poll_next(cx)) {
                    Next::Frames(frames) => (frames, State::Runs),
                    Next::Done(frames) => (frames, State::IsOver),
                    Next::BrokenOff(frames) => (frames, State::Flushes),
                };
                self.state = state;
                Poll::Ready(Some(Ok(frames)))
            }
            State::Flushes => {
                self.state = State::BreaksOff;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            State::BreaksOff => {
                self.state = State::IsOver;
                Poll::Ready(Some(Err(BrokenOff::at(self.viewer.position()))))
            }
            State::IsOver => Poll::Ready(None),
        }
    }
}
