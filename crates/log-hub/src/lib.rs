//! One upstream reader a job, any number of viewers.
//!
//! A [`Hub`] keeps one **feed** for each job that somebody watches. The feed follows the job's log, encodes each line once,
//! and keeps the newest frames in a bounded ring of shared bytes. A [`Viewer`] is a position in the log and nothing else.
//! Asked for more, it takes what the ring has after its position. Where its position has left the ring, it reads a batch
//! from the store.
//!
//! Viewers that catch up, follow live, resume or are slow all use this one path. Memory is bounded by the number of watched
//! jobs, nobody waits for the slowest viewer, and nobody loses a line.
//!
//! **Invariant:** a viewer has no task, no timer and no channel. **Invariant:** this crate knows no HTTP.
//!
//! ```
//! # use std::sync::Arc;
//! # use log_domain::{EntryId, JobId, Start};
//! # use log_hub::{Hub, HubOptions, Next};
//! # use log_store::{LogAppend, NewLine, conformance::MemoryStore};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let store = Arc::new(MemoryStore::new());
//! let hub = Hub::new(store.clone(), store.clone(), HubOptions::default());
//! let job: JobId = "build-1".parse()?;
//! store.append(&job, &[NewLine { text: Some("hello".into()), ..NewLine::default() }]).await?;
//!
//! let mut viewer = hub.open(&job, Start::After(EntryId::ZERO)).await?;
//! let Next::Frames(frames) = viewer.next().await else { panic!("a line was there") };
//! assert!(frames.starts_with(b"event: log\nid: "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod budget;
mod catch_up;
mod cursor;
mod feed;
mod heartbeat;
mod hub;
mod inner;
mod join_point;
mod next;
mod options;
mod outage_log;
mod recent_batches;
mod registry;
mod ring;
mod stats;
mod thread_waker;
mod upstream;
mod viewer;
mod viewer_slot;
mod waiter;

pub use hub::Hub;
pub use next::Next;
pub use options::HubOptions;
pub use stats::HubStats;
pub use thread_waker::ThreadWaker;
pub use viewer::Viewer;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
