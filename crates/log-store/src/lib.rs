//! Where logs and jobs are kept: the traits with their contract, and the stores that ship.
//!
//! Every reader of a log does the same thing: it asks for *the lines after this id*, and waits for a notice
//! that something may have changed ([`LogWatch`]). A notice carries no data and may come too often; it is
//! never missed. So nothing is lost or repeated at a connect, a reconnect, a failover, a trim or an end.
//!
//! | feature | store | for |
//! |---|---|---|
//! | `redis` | [`redis::RedisStore`] | Redis Streams, as existing producers fill them |
//! | `embedded` | `EmbeddedStore` | one process, lines on local disk |
//! | `conformance` | – | the suite for a store of your own, and a wrapper that injects faults |
//!
//! **Invariant:** no caller can tell which store it talks to; no type of a backend appears in this API.

mod append;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "embedded")]
mod embedded;
mod error;
#[cfg(feature = "conformance")]
mod faulty;
mod jobs;
mod lines;
#[cfg(any(feature = "embedded", feature = "conformance"))]
mod notice;
#[cfg(feature = "redis")]
pub mod redis;

pub use append::{LogAppend, NewLine};
#[cfg(feature = "conformance")]
pub use conformance::MemoryStore;
#[cfg(feature = "embedded")]
pub use embedded::{EmbeddedOptions, EmbeddedStore, OpenError};
pub use error::{
    AppendError, CreateJobError, ReadError, StoreRefused, StoreUnavailable, TransitionError,
};
#[cfg(feature = "conformance")]
pub use faulty::{Faults, FaultyStore, InjectedFault};
pub use jobs::{JobWatch, JobWrites, Jobs, NewJob, Transition};
pub use lines::{LogStore, LogWatch, Onward};
