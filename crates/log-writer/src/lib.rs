//! The producer of a build log: bytes in, in any chunks; complete lines out, without secrets, appended in batches,
//! each once.
//!
//! ```text
//!  stdout ─► LineAssembler ─┐
//!  stderr ─► LineAssembler ─┼─► bounded buffer ─► one append at a time ─► the store
//!  system lines ────────────┘   waits, or drops     reads back after
//!     UTF-8, terminal control,  and says so         a lost answer
//!     secrets, lines
//! ```
//!
//! - A [`LogWriter`] writes the log of one job, over any `log-store`. It runs a command ([`LogWriter::run`], or
//!   [`LogWriter::spawn`] to show its output as well) or takes bytes ([`LogWriter::stdout`], [`LogWriter::stderr`]),
//!   and ends the job ([`LogWriter::finish`]).
//! - [`LineAssembler`] is the pure part, of use alone: bytes to lines, without terminal control.
//! - [`Redaction`] is what is hidden, on every way out: registered secrets, and what looks like one.
//! - What a store outage means is said at [`BufferOptions`] and [`RetryOptions`]: lines wait, the build is never blocked
//!   for longer than configured, and a hole in the log has a line in its place that says how many are missing.
//!
//! **Invariant:** a line is appended once, even where the answer to an append was lost; the log has no hole that it does
//! not name; nothing that a terminal obeys, colours on request apart, and no secret that the redaction knows reaches the
//! store.
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
//! let writer = LogWriter::builder(job.clone(), Arc::clone(&store)).start();
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

mod ansi;
mod builder;
mod channel;
mod clock;
mod cut;
mod job;
mod lines;
mod options;
mod preset;
mod queue;
mod read_back;
mod redact;
mod run;
mod ship;
mod utf8;
mod writer;

pub use ansi::Ansi;
pub use builder::LogWriterBuilder;
pub use channel::Channel;
pub use cut::{CutMarker, LineLimit};
pub use job::create_job;
pub use lines::{Blank, LineAssembler, LineOptions, Progress};
pub use options::{BatchOptions, BufferOptions, RetryOptions, WriterOptions};
pub use preset::Preset;
pub use queue::{Amount, Stats};
pub use redact::{Redaction, RedactionBuilder, SecretError, TooManySecrets};
pub use run::{Echo, Process, RunError, Running};
pub use writer::{FinishError, FlushError, LogWriter, Monitor, Outcome, Stores};
