//! The cases, grouped by the rules that they check. The doc of a case names its rule.

pub mod access;
pub mod append;
pub mod gap;
pub mod jobs;
pub mod lines;
pub mod outage;
pub mod outage_access;
pub mod outage_append;
pub mod reads;
pub mod watch;
