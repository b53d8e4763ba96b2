//! The log page in a real Chromium, against the real server and a real Redis.
//!
//! A test that needs no server of its own shares one, and uses a job of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: what cannot be done is a failed test"
)]

#[path = "../api/support.rs"]
#[allow(dead_code, reason = "the suite `api` uses the rest")]
mod support;

mod access;
mod awkward;
mod copies;
mod embedding;
mod follow;
mod http2;
mod large;
mod late;
mod links;
mod live;
mod looks;
mod page;
mod readme;
mod safety;
mod search;
mod states;
mod structure;
