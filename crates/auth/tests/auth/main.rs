//! The acceptance list for Clerk session tokens, as tests: which tokens are accepted, which are
//! refused, and how many fetches strangers can cause.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose setup fails, or that gets a strange answer, should fail there"
)]

mod fake_server;
mod support;
mod vectors;

mod accepted;
#[cfg(feature = "actix")]
mod actix;
mod bearer;
mod cache;
mod claims;
mod credentials;
mod form;
mod fuzz_seeds;
mod http;
#[cfg(feature = "http")]
mod http_crate;
mod key_sets;
mod organizations;
mod properties;
mod shapes;
mod startup;
mod webhooks;
