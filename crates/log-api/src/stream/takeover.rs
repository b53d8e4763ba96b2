//! The body of an answer whose connection becomes the stream's own once the head is out.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::rt;
use bytes::Bytes;

use super::sender::Sender;
use super::session::{BrokenOff, StreamSession};
use crate::net::Takeover;

/// A body that never yields anything: a [`Sender`] writes to the socket in its place.
#[derive(Debug)]
pub(crate) struct TakenOver {
    takeover: Takeover,
    session: Option<StreamSession>,
}

impl TakenOver {
    pub(crate) fn new(takeover: Takeover, session: StreamSession) -> Self {
        let session = Some(session);
        Self { takeover, session }
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
            self.takeover.hand_to(|socket| {
                rt::spawn(Sender::new(socket, session));
            });
        }
        Poll::Pending
    }
}
