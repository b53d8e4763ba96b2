//! One live stream, from its opening to its end.

mod body;
mod chunk;
mod sender;
mod session;
mod signal_waker;
mod takeover;

pub use self::body::SseBody;
pub(crate) use self::chunk::Framing;
pub(crate) use self::session::StreamSession;
pub(crate) use self::takeover::TakenOver;
