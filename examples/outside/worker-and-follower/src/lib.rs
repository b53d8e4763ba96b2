//! A build worker whose builds can be cancelled, and a program that follows them from elsewhere.

mod follower;
mod worker;

pub use follower::{Followed, follow};
pub use worker::build;
