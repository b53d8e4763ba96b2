//! A service on axum that has builds of its own and shows their logs to the people who own them.
//!
//! - `builds.rs`: its jobs, in its own table, as `log-hub` asks for them.
//! - `routes.rs`: who is asking, may they read, and the two ways to send a log.

mod builds;
mod routes;

pub use builds::Builds;
pub use routes::{Service, router};
