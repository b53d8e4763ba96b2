//! The servers and the network that tests are given.

#![expect(
    clippy::unwrap_used,
    reason = "test code: a failed expectation is a panic"
)]

mod proxy;
mod redis;
