//! A wrapper that injects faults: it gives any store a connection that can be lost.

mod access;
mod faults;
mod store;
mod watch;

pub use faults::{Faults, InjectedFault};
pub use store::FaultyStore;
