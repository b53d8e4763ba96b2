//! The embedded store: one process, one file.
//!
//! All writes go to one thread, which commits everything that waits in one transaction ([`writer`]). A read takes a snapshot
//! of the file, on the runtime's threads for blocking work ([`read`]). After a commit the writer notifies the watches, in
//! memory. [`layout`] says what is in the file; `docs/adr/0003` says why it is redb.
//!
//! **Invariant:** nothing blocks a thread that polls futures, and nothing is answered before it is on disk.

mod access;
#[cfg(feature = "conformance")]
mod back_door;
mod error;
mod file;
mod inner;
mod jobs;
mod layout;
mod line_bytes;
mod logs;
mod numbered;
mod options;
mod read;
mod retention;
mod runs;
mod store;
mod tables;
mod writer;

pub use self::error::OpenError;
pub use self::options::EmbeddedOptions;
pub use self::store::EmbeddedStore;
