//! Taking a connection away from the HTTP server, once the head of its last answer is written.
//!
//! A stream does not need what the HTTP server keeps for a connection: buffers for the next request, timers, a dispatcher
//! that is polled for every line. So a stream takes the socket over, and actix drops its side of the connection.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::UPGRADE;

use super::socket::Socket;

/// Gets the socket.
type Successor = Box<dyn FnOnce(Socket)>;

/// The handle of one connection, by which an answer says who takes the socket over. It stays on the connection's thread.
#[derive(Clone, Default)]
pub(crate) struct Takeover(Rc<Cell<Option<Successor>>>);

impl Takeover {
    /// The handle of a request's connection. `None` if the connection cannot be taken over: it is not one of ours, or it
    /// does not speak plain HTTP/1.1.
    pub(crate) fn from_request(request: &HttpRequest) -> Option<Self> {
        // If the request asks for another protocol, actix does not frame the body as the head says.
        let plain =
            request.version() == Version::HTTP_11 && !request.headers().contains_key(UPGRADE);
        plain
            .then(|| request.conn_data::<Self>().cloned())
            .flatten()
    }

    /// Gives the socket to this successor as soon as everything written so far is with the kernel.
    pub(crate) fn hand_to(&self, successor: impl FnOnce(Socket) + 'static) {
        self.0.set(Some(Box::new(successor)));
    }

    /// The successor. Given out once.
    pub(super) fn successor(&self) -> Option<Successor> {
        self.0.take()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}
