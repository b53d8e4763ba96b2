//! The producer of a build log. It takes bytes in any chunks, turns them into lines without secrets, and appends the lines
//! to the log in batches, each line once.
//!
//! ```text
//!  stdout ─► LineAssembler ─┐
//!  stderr ─► LineAssembler ─┼─► bounded buffer ─► one append at a time ─► store
//!  system lines ────────────┘   if full: waits,    after a lost answer:
//!     UTF-8, terminal control,  then drops lines   reads back what was
//!     secrets, lines            and reports it     appended
//! ```
//!
//! - A [`LogWriter`] writes the log of one job to any `log-store`. It runs a command ([`LogWriter::run`], or
//!   [`LogWriter::spawn`] to show its output too), or takes bytes ([`LogWriter::stdout`], [`LogWriter::stderr`]). At the end
//!   it ends the job ([`LogWriter::finish`]).
//! - A worker that owns its job claims it ([`LogWriter::claim`]): no other run gets the job, and if the worker is lost, the job
//!   ends `failed`. [`LogWriter::scope`] ends the job whatever happens. [`LogWriter::spawn_group`] and [`Process::terminate`]
//!   cancel a command with everything that it has started.
//! - A [`LineAssembler`] turns bytes into lines. It does no I/O and can be used alone.
//! - A [`Redaction`] hides registered secrets and everything that looks like a secret. A secret that is made while the build
//!   runs is added by [`LogWriter::add_secret`].
//! - [`BufferOptions`] and [`RetryOptions`] describe a store outage: lines wait, the build is blocked for a limited time
//!   only, and if lines are dropped, a line in their place says how many.
//!
//! **Invariants:**
//!
//! - A line is appended once, even if the answer to an append was lost.
//! - If lines are missing from the log, another line says so.
//! - No terminal control sequence reaches the store, except colours on request.
//! - No secret that the redaction knows reaches the store.
//!
//! ```
//! use std::sync::Arc;
//! use log_domain::{JobId, UserId};
//! use log_store::{Jobs, MemoryStore};
//! use log_writer::{LogWriter, create_job};
//! use tokio::process::Command;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new());
//! let job: JobId = "build-1".parse()?;
//! create_job(&*store, &job, UserId::new("user_ann").unwrap()).await?;
//!
//! let writer = LogWriter::builder(job.clone(), Arc::clone(&store)).start()?;
//! let mut command = Command::new("rustc");
//! command.arg("--version");
//! let exit = writer.run(command).await?;
//! let stats = writer.finish(exit, "The compiler said its version").await?;
//!
//! assert_eq!((stats.appended, stats.lost.lines), (1, 0));
//! let ended = store.get(&job).await?.unwrap();
//! assert_eq!(ended.status.as_str(), "ready");
//! # Ok(())
//! # }
//! ```

mod builder;
mod by_number;
mod channel;
mod claim;
mod confirmed;
mod cut;
mod echo;
mod job;
mod leftovers;
mod line_options;
mod lines;
mod open_clock;
mod options;
mod outcome;
mod output_reader;
mod pipes;
mod preset;
mod process;
mod queue;
mod read_back;
mod run;
mod shipper;
mod stores;
mod utf8;
mod writer;

pub use builder::{LogWriterBuilder, StartError};
pub use channel::Channel;
pub use claim::LEASE;
pub use cut::{CutMarker, LineLimit};
pub use echo::Echo;
pub use job::{create_job, phase_for_status};
pub use leftovers::Leftovers;
pub use line_options::{Blank, LineOptions, Progress};
pub use lines::LineAssembler;
pub use log_redact::{
    AddSecretError, Ansi, Redaction, RedactionBuilder, SecretError, TooManySecrets,
};
pub use options::{BatchOptions, BufferOptions, RetryOptions, WriterOptions};
pub use outcome::{FinishError, FlushError, Outcome, ScopeError};
pub use preset::Preset;
pub use process::Process;
pub use queue::{Amount, Stats};
pub use run::{RunError, Running, SpawnOptions};
pub use stores::Stores;
pub use writer::{LogWriter, Monitor};

/// The ids, lines, statuses and rules that are in the API of this crate. To use them, no dependency of your own is needed.
pub use log_domain;
/// The stores that a writer writes to.
pub use log_store;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
