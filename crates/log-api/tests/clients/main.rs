//! Clients and proxies that nobody here wrote, in front of the real server. `cargo xtask test --full` installs them.
//!
//! What each client gets wrong, and how to use it right, is in docs/CLIENTS.md.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code: what cannot be done is a failed test, and a table says what was lost"
)]

mod chromium;
mod claims;
mod claims_chromium;
mod claims_proxies;
mod cutter;
mod documented;
mod heads;
mod ingest;
mod libraries;
mod pools;
mod programs;
mod proxy;
mod restarts;
mod servers;
mod statuses;
mod statuses_chromium;
#[path = "../api/support.rs"]
#[expect(dead_code, reason = "this suite uses a part of it")]
mod support;
mod witness;
