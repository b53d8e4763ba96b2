//! An actix application that has routes of its own under `/api` and the routes of logs beside them.
//!
//! - `sharded.rs`: its store, which is several stores. `tests/suite.rs` holds it to the rules of `log-store`.
//! - `main.rs`: the mount, and how it stops.

mod sharded;

pub use sharded::Sharded;
