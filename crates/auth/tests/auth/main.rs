//! The acceptance list for Clerk session tokens, as tests: what is let in, what is not, and what
//! strangers can make the key cache do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot set up, or is answered oddly, should fail there"
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
mod key_sets;
mod organizations;
mod properties;
mod shapes;
mod startup;
mod webhooks;
