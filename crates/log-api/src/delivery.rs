//! What a stream delivers, and when it must end before its log does. How it gets to the client is its carrier's
//! business: a socket's own task ([`crate::sender`]), or the body of an answer ([`crate::sse_body`]).

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use log_hub::{Next, Viewer};
use log_wire::sse::write_reauth;

use crate::access::{Call, Seat};
use crate::limits::Place;

/// How much a stream sends before it lets the others of its worker have a turn: a replay always has more to send, and
/// the line that somebody waits for must not wait for it.
pub(crate) const TURN: usize = 32 * 1024;

/// The stream is broken off on purpose, so that the client sees that it is not complete.
#[derive(Debug, thiserror::Error)]
#[error("the stream is broken off; the client comes back with its cursor")]
pub struct BrokenOff;

/// A viewer, with what its stream holds. Dropping it gives all of that back.
#[derive(Debug)]
pub(crate) struct Delivery {
    viewer: Viewer,
    /// What was taken of the viewer before.
    first: Option<Next>,
    /// Says when the stream is to end before its log does.
    seat: Option<Seat>,
    /// What it said when it was heard last.
    call: Call,
    /// Given back with the viewer.
    _place: Option<Place>,
}

impl Delivery {
    /// What a viewer shows, of which `first` has been taken already.
    pub(crate) fn new(viewer: Viewer, first: Option<Next>) -> Self {
        Self {
            viewer,
            first,
            seat: None,
            call: Call::GoOn,
            _place: None,
        }
    }

    /// The same, holding the place that the stream has among all.
    pub(crate) fn holding(self, place: Place) -> Self {
        let _place = Some(place);
        Self { _place, ..self }
    }

    /// The same, ended as its seat says.
    pub(crate) fn in_seat(self, seat: Seat) -> Self {
        let seat = Some(seat);
        Self { seat, ..self }
    }

    /// Hears whether the stream is called on to end, and has this waker woken when it is: to be heard again then.
    pub(crate) fn hear(&mut self, waker: &Waker) {
        if let Some(seat) = &self.seat {
            self.call = seat.call_or_wake(waker);
        }
    }

    /// Whether nothing more may go to the client, not even the rest of what was begun.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.call == Call::BreakOff
    }

    /// What to send next, asked when everything before it is out. After the last of it there is nothing to ask for.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(last) = self.last() {
            return Poll::Ready(last);
        }
        match self.first.take() {
            Some(first) => Poll::Ready(first),
            None => self.viewer.poll_next(cx),
        }
    }

    /// Whether there is more to send as soon as the store has answered.
    pub(crate) fn catches_up(&self) -> bool {
        self.viewer.catches_up()
    }

    /// What comes last where the seat says that the stream is to end.
    fn last(&self) -> Option<Next> {
        match self.call {
            Call::GoOn => None,
            Call::BreakOff => Some(Next::BrokenOff(Bytes::new())),
            Call::Reauth => {
                let mut frame = Vec::new();
                write_reauth(&mut frame, self.viewer.position());
                Some(Next::Done(frame.into()))
            }
        }
    }
}
