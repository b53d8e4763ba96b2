//! The client against the real API, run in this process, and against a server that plays a script.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: what cannot be done is a failed test"
)]

mod follow;
mod history;
mod script;
mod support;
mod trouble;
