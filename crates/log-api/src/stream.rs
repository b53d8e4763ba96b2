//! One live stream, from its opening to its end.

mod body;
#[cfg(feature = "server")]
mod chunk;
#[cfg(feature = "server")]
mod sender;
mod session;
#[cfg(feature = "server")]
mod signal_waker;
#[cfg(feature = "server")]
mod takeover;

pub use self::body::SseBody;
#[cfg(feature = "server")]
pub(crate) use self::chunk::Framing;
pub(crate) use self::session::StreamSession;
#[cfg(feature = "server")]
pub(crate) use self::takeover::TakenOver;
