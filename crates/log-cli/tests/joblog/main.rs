//! `joblog` as a process, on a real Redis and on the real API.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: what cannot be done is a failed test"
)]

mod api;
mod cat;
mod fault;
mod pages;
mod run;
mod signals;
mod support;
mod tail;
mod terminal;
