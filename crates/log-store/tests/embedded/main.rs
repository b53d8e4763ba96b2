//! The stores that need no server, held against the contract, and what the one on disk does beyond it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what fails here is a failed test"
)]

mod disk;
mod faulty;
mod kill;
mod memory;
