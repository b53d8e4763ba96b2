//! Taking a connection away from the HTTP server, once the head of an answer is written, and giving it back.
//!
//! A stream does not need what the HTTP server keeps for a connection: buffers for the next request, timers, a dispatcher
//! that is polled for every line. So a stream takes the socket over, and actix drops its side of the connection. When the
//! stream has ended with a whole body, a new dispatcher serves the connection's next requests.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

use actix_web::HttpRequest;

use super::socket::Socket;

/// What a stream does with the socket. It gives the socket back if another request may follow on it.
pub(crate) type Streaming = Pin<Box<dyn Future<Output = Option<Socket>>>>;

/// Gets the socket.
type Successor = Box<dyn FnOnce(Socket) -> Streaming>;

/// The handle of one connection, by which an answer says who takes the socket over. It stays on the connection's thread.
#[derive(Clone, Default)]
pub(crate) struct Takeover(Rc<State>);

#[derive(Default)]
struct State {
    /// Who gets the socket when everything is written.
    successor: Cell<Option<Successor>>,
    /// What goes on when the HTTP server has dropped its side of the connection.
    streaming: Cell<Option<Streaming>>,
}

impl Takeover {
    /// The handle of a request's connection. `None` if it is not one of ours.
    pub(crate) fn from_request(request: &HttpRequest) -> Option<Self> {
        request.conn_data::<Self>().cloned()
    }

    /// Gives the socket to this successor as soon as everything written so far is with the kernel.
    pub(crate) fn hand_to(&self, successor: impl FnOnce(Socket) -> Streaming + 'static) {
        self.0.successor.set(Some(Box::new(successor)));
    }

    /// The successor. Given out once.
    pub(super) fn successor(&self) -> Option<Successor> {
        self.0.successor.take()
    }

    pub(super) fn begin(&self, streaming: Streaming) {
        self.0.streaming.set(Some(streaming));
    }

    /// What took the connection over, if something did.
    pub(super) fn into_streaming(self) -> Option<Streaming> {
        self.0.streaming.take()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}
