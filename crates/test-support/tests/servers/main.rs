//! Tests of the test servers and of the proxy.

#![expect(
    clippy::unwrap_used,
    reason = "test code: a failed expectation is a panic"
)]

mod proxy;
mod redis;
