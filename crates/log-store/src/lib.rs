//! Storage of logs and jobs: the traits with their contract, and the stores that come with them.
//!
//! Every reader of a log does the same: it reads *the lines after an id*, and then waits for a notice that something may have
//! changed ([`LogWatch`]). A notice carries no data. It may come without a change, but it is never missed. So no line is lost
//! or repeated when a connection is made or lost, at a failover, a trim or an end.
//!
//! [`Follower`] is that loop, with gaps, outages of the store, and the end of the log.
//!
//! | feature | store | for |
//! |---|---|---|
//! | `redis` | [`redis::RedisStore`] | Redis Streams, as existing producers fill them |
//! | `embedded` | `EmbeddedStore` | one process, lines on local disk |
//! | `memory` | [`MemoryStore`] | tests, examples, a process that may forget |
//! | `conformance` | [`FaultyStore`] | the suite that holds any store to its rules; a wrapper that injects faults |
//!
//! `tls` adds addresses with TLS to `redis`. Without any feature there are the traits and the follower; none is a default.
//!
//! ```
//! use log_domain::{EntryId, JobId, ReadLimit};
//! use log_store::{LogAppend, LogStore, LogWatch, MemoryStore, NewLine};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(); // or any other
//! let job: JobId = "build-1".parse()?;
//! let mut watch = store.watch_log(&job);
//! let mut position = EntryId::ZERO;
//!
//! for text in ["Compiling", "Finished"] {
//!     let line = NewLine::new(text);
//!     store.append(&job, &[line]).await?;
//!
//!     watch.changed().await;
//!     let tail = watch.read_after(position, ReadLimit::lines(100)).await?;
//!     assert_eq!(tail.gap(position), None);
//!     assert_eq!(tail.lines[0].text.as_deref(), Some(text));
//!     position = tail.lines[0].id;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run -p log-store --example follow` shows a producer and a follower over the embedded store.
//!
//! **Invariant:** no caller knows which store it uses; no type of a backend is in this API.

mod access;
mod append;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
#[cfg(feature = "conformance")]
mod faulty;
mod follower;
mod jobs;
mod lines;
mod local_access;
mod lost_runs;
#[cfg(feature = "memory")]
mod memory;
mod notice;
#[cfg(any(feature = "memory", feature = "embedded"))]
mod noticed_watch;
mod numbered;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "redis", feature = "embedded"))]
mod revocation_text;
mod runs;
mod shared;
#[cfg(test)]
mod written_out;

pub use access::{RevocationWatch, Revocations, TicketKey, Tickets};
pub use append::{LogAppend, NewLine};
#[cfg(feature = "embedded")]
pub use embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
pub use error::{
    CreateJobError, NotALog, StoreError, StoreRefused, StoreUnavailable, TransitionError,
};
#[cfg(feature = "conformance")]
pub use faulty::{Faults, FaultyStore, InjectedFault};
pub use follower::{FollowEvent, FollowOptions, Follower, NewLines, Outage};
pub use jobs::{JobDetails, JobWatch, JobWrites, Jobs, NewJob, Transition};
pub use lines::{LogServer, LogStore, LogWatch, TailRead, line_at};
pub use local_access::LocalAccess;
pub use lost_runs::{LostRuns, RunState};
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use numbered::{NumberedAppend, NumberedAppendError, NumberedAppended};
pub use runs::{Claim, ClaimError, InvalidRunId, Lease, RunClaims, RunId, WORKER_LOST};

/// The ids, lines, statuses and rules that are in the API of this crate. To use them, no dependency of your own is needed.
pub use log_domain;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
