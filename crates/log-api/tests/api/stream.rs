//! The live stream.

pub(crate) mod client;
mod cost;
mod end;
mod gap;
mod live;
mod quiet;
mod resume;
mod takeover;
