//! The writer against a store: what it writes, how it survives the store, how it ends a job.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod channels;
mod fuzz_seeds;
mod job;
mod once;
mod outage;
mod recordings;
mod run;
mod secrets;
mod support;
