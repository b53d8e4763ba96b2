//! The cases, grouped by what they hold a store to. A case's doc names its rule.

pub mod access;
pub mod append;
pub mod gap;
pub mod jobs;
pub mod lines;
pub mod outage;
pub mod reads;
pub mod watch;
