//! The stores that need no server: the contract for all of them, and more tests of the store on disk.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what fails here is a failed test"
)]

mod disk;
mod faulty;
mod kill;
mod memory;
