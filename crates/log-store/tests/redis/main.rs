//! The store on Redis, on a real Redis.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a failed expectation is a panic"
)]

mod check;
mod cluster;
mod conformance;
mod cost;
mod fake;
mod faults;
mod fred;
mod held;
mod load;
mod network;
mod numbered;
mod odd;
mod replicas;
mod sentinel;
mod sizes;
mod support;
mod swapped;
mod tls;
mod trouble;
mod turns;
mod writes;
