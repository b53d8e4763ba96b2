//! The client against the real API, which runs in this process, and against a server that plays a script.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a step that fails is a failed test"
)]

mod errors;
mod follow;
mod history;
mod script;
mod support;
