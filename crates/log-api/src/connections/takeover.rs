//! Taking a connection away from HTTP, once the head of its last answer is written.
//!
//! A stream needs nothing of what HTTP keeps for a connection: buffers for the next request, timers, a dispatcher that
//! is asked at every line. So whoever answers with one takes the socket over, and actix lets go of the connection.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use actix_web::HttpRequest;
use actix_web::http::Version;
use actix_web::http::header::UPGRADE;

use super::socket::Socket;

/// What goes on with the socket.
type Successor = Box<dyn FnOnce(Socket)>;

/// One connection's: by it the answer says who takes over. Both ends stay on the connection's thread.
#[derive(Clone, Default)]
pub(crate) struct Takeover(Rc<Cell<Option<Successor>>>);

impl Takeover {
    /// That of a request's connection, where it can be taken over: it is one of ours, and speaks HTTP/1.1 alone.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        // To one that asks for another protocol too, actix does not frame the body as its head says.
        let plain =
            request.version() == Version::HTTP_11 && !request.headers().contains_key(UPGRADE);
        plain
            .then(|| request.conn_data::<Self>().cloned())
            .flatten()
    }

    /// Gives the socket to this successor, as soon as all that was written for it so far is with the kernel.
    pub(crate) fn by(&self, successor: impl FnOnce(Socket) + 'static) {
        self.0.set(Some(Box::new(successor)));
    }

    /// The successor, once.
    pub(super) fn successor(&self) -> Option<Successor> {
        self.0.take()
    }
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover").finish_non_exhaustive()
    }
}
