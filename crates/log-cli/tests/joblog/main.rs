//! `joblog` as a process, with a real Redis and the real API.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: a step that fails is a failed test"
)]

mod api;
mod cat;
mod claims;
mod fault;
mod leftovers;
mod moved;
mod open_lines;
mod output;
mod pages;
mod run;
mod secrets;
mod signals;
mod support;
mod tail;
mod terminal;
mod usage;
