//! The stores that need no server, held against the contract.

mod faulty;
mod memory;
