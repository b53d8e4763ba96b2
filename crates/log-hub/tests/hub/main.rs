//! Tests of the hub over the reference store and a wrapper that injects faults.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a panic"
)]

mod controlled_store;
mod fixture;

mod break_off;
mod budget;
mod catch_up;
mod come_back;
mod end;
mod gap;
mod hammer;
mod health;
mod heartbeat;
mod join;
mod leave;
mod locks;
mod outage;
mod random;
mod scale;
mod sharing;
mod streams;
