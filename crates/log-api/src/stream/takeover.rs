//! The body of an answer whose connection becomes the stream's own once the head is out.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::chunk::Framing;
use super::sender::Sender;
use super::session::{BrokenOff, StreamSession};
use crate::net::Takeover;

/// A body that never yields anything: a [`Sender`] writes to the socket in its place.
#[derive(Debug)]
pub(crate) struct TakenOver {
    takeover: Takeover,
    framing: Framing,
    /// Whether the client expects further answers on this connection.
    keep_alive: bool,
    session: Option<StreamSession>,
}

impl TakenOver {
    pub(crate) fn new(
        takeover: Takeover,
        framing: Framing,
        keep_alive: bool,
        session: StreamSession,
    ) -> Self {
        Self {
            takeover,
            framing,
            keep_alive,
            session: Some(session),
        }
    }
}

impl MessageBody for TakenOver {
    type Error = BrokenOff;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    /// When this is called for the first time, the answer is on its way. Before, it could still be replaced by another one.
    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BrokenOff>>> {
        if let Some(session) = self.session.take() {
            let (framing, keep_alive) = (self.framing, self.keep_alive);
            self.takeover.hand_to(move |mut socket| {
                if !keep_alive {
                    socket.allow_no_further_request();
                }
                Box::pin(Sender::new(socket, session, framing).run())
            });
        }
        Poll::Pending
    }
}
