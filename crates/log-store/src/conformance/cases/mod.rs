//! The cases, grouped by the rules that they check. The doc of a case names its rule.

pub mod append;
pub mod dropped_waits;
pub mod gap;
pub mod histories;
pub mod job_writes;
pub mod jobs;
pub mod lifecycle;
pub mod lines;
pub mod numbered;
pub mod outage;
pub mod outage_access;
pub mod outage_append;
pub mod outage_jobs;
pub mod outage_numbered;
pub mod reads;
pub mod revocations;
pub mod runs;
pub mod tickets;
pub mod watch;
