//! The stores that need no server: the contract for all of them, and more tests of the store on disk.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what fails here is a failed test"
)]

mod bound;
mod disk;
mod failing_disk;
mod faulty;
mod kill;
mod memory;
mod planted;
