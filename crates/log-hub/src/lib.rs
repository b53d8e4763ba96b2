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
//! A viewer hands out encoded frames ([`Viewer::next`]), is the body of an answer ([`Viewer::into_frames`]), or is a stream of
//! events ([`Viewer::into_events`]). [`Hub::open`] also says when a client that came back has everything: such a client gets 204.
//!
//! **Invariant:** a viewer has no task, no timer and no channel. **Invariant:** this crate knows no HTTP.
//!
//! ```
//! # use std::sync::Arc;
//! # use log_domain::{EntryId, JobId, Start};
//! # use log_hub::{Hub, HubOptions, Next, Opened};
//! # use log_store::{LogAppend, MemoryStore, NewLine};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let store = Arc::new(MemoryStore::new());
//! let hub = Hub::new(store.clone(), store.clone(), HubOptions::default())?;
//! let job: JobId = "build-1".parse()?;
//! store.append(&job, &[NewLine::new("hello")]).await?;
//!
//! let Opened::Viewer(mut viewer) = hub.open(&job, Start::After(EntryId::ZERO)).await? else {
//!     return Ok(()); // 204: the client has come back and has everything
//! };
//! let Next::Frames(frames) = viewer.next().await else { panic!("a line was there") };
//! assert!(frames.starts_with(b"event: log\nid: "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod broken_off;
mod budget;
mod catch_up;
mod cursor;
mod error;
mod events;
mod feed;
mod frames;
mod heartbeat;
mod hub;
mod inner;
mod join_point;
mod next;
mod opening;
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

pub use broken_off::BrokenOff;
pub use error::HubError;
pub use events::{Event, Events};
pub use frames::Frames;
pub use hub::Hub;
pub use next::Next;
pub use opening::{Opened, Opening};
pub use options::HubOptions;
pub use stats::HubStats;
pub use thread_waker::ThreadWaker;
pub use viewer::Viewer;

/// The ids, lines, statuses and rules that are in the API of this crate. To use them, no dependency of your own is needed.
pub use log_domain;
/// The stores that a hub reads.
pub use log_store;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
