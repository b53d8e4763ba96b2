//! The service as clients and producers see it: the real binary, over HTTP, on a real Redis.
//!
//! Each module covers one part of the wire contract, and each test name says the sentence that it checks.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code: what cannot be done is a failed test"
)]

mod access;
mod auth;
mod broken_stderr;
mod cluster;
mod config;
mod cors;
mod credentials;
mod dead_client;
mod dev;
mod errors;
mod faults;
mod health;
mod key_set;
mod limits;
mod lost_runs;
mod metrics;
mod mount;
mod outage;
mod page;
mod request_id;
mod shutdown;
mod start;
mod status;
mod stream;
mod support;
mod viewer;
mod whole_log;
mod writes;
