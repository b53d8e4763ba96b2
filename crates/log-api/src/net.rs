//! Connections and their sockets.

mod client;
mod connections;
mod file_limit;
mod listener;
mod server;
mod socket;
mod takeover;

pub(crate) use self::connections::Connections;
pub(crate) use self::server::bind;
pub(crate) use self::socket::Socket;
pub(crate) use self::takeover::Takeover;
