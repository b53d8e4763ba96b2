//! The writer with a store: what it writes, how it survives outages, and how it ends a job.

#![expect(
    clippy::unwrap_used,
    reason = "test code: a step that fails is a failed test"
)]

mod channels;
mod failover;
mod fuzz_seeds;
mod groups;
mod job;
mod once;
mod outage;
mod ownership;
mod recordings;
mod run;
mod secrets;
mod support;
