//! The conformance suite: the contract of the traits, rule by rule, for any store.
//!
//! A store is held to the rules of the traits that it has. For each there is a subject, with back doors for what happens to
//! the store from outside, and one line in an integration test. A store of jobs alone:
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use log_domain::JobId;
//! use log_store::conformance::{JobSubject, Subject, new_job};
//! use log_store::{JobWrites, Jobs, MemoryStore};
//!
//! struct Mine(MemoryStore); // your store
//!
//! impl Subject for Mine {
//!     fn watched(&self) -> usize {
//!         self.0.watched()
//!     }
//! }
//!
//! #[async_trait]
//! impl JobSubject for Mine {
//!     fn jobs(&self) -> Arc<dyn Jobs> {
//!         Arc::new(self.0.clone())
//!     }
//!     async fn put_job(&self, job: &JobId, owner: &str) {
//!         self.0.create(job, &new_job(owner)).await.unwrap();
//!     }
//!     async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
//!         self.0.set_status_raw(job, status);
//!     }
//!     async fn remove_owner(&self, job: &JobId) {
//!         self.0.remove_owner(job);
//!     }
//!     async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
//!         self.0.set_org_raw(job, org);
//!     }
//!     async fn delete_job(&self, job: &JobId) {
//!         self.0.delete_job(job);
//!     }
//! }
//!
//! async fn subject() -> Mine {
//!     Mine(MemoryStore::new())
//! }
//!
//! log_store::log_store_conformance!(Jobs: crate::subject());
//! # fn main() {}
//! ```
//!
//! The other parts are in the docs of [`log_store_conformance!`](crate::log_store_conformance). A store whose connection can be
//! lost also implements [`ConnectedSubject`], and has a second line for the cases about that. Other stores do not list these
//! cases.
//!
//! A store that takes a [`Lifecycle`](log_domain::Lifecycle) is held to it by [`lifecycle`].
//!
//! Each case is one test, on the real clock, with a new subject and a new job.
//!
//! **Invariant:** [`log_store_conformance!`](crate::log_store_conformance) is the only list of cases.

// A test suite, though it ships as a library: a failed expectation is a panic.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code in a library: a failed expectation is a panic"
)]

mod cases;
mod list;
mod subject;
mod support;

pub use cases::{
    append, dropped_waits, gap, histories, job_writes, jobs, lifecycle, lines, numbered, outage,
    outage_access, outage_append, outage_jobs, outage_numbered, reads, revocations, runs, tickets,
    watch,
};
pub use subject::{
    ConnectedJobs, ConnectedSubject, ConnectedWhole, Connection, JobSubject, JobWriteSubject,
    LogSubject, NumberedSubject, RevocationSubject, RunSubject, Subject, TicketSubject,
    WholeSubject, created_at, fresh_job, new_job,
};
pub use support::{Case, failures, run, run_together};
