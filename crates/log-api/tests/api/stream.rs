//! The live stream.

pub(crate) mod client;
mod cost;
mod end;
mod formats;
mod gap;
mod live;
mod quiet;
mod resume;
mod takeover;
mod wire;
