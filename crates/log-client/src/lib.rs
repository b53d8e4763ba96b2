//! A client of the joblog API. It follows a job's live log through broken connections, and reads its history.
//!
//! - [`Client::follow`] gives a [`Follow`] with typed events: each line once and in order. When a connection breaks, it
//!   reconnects by itself after the last line, with a fresh token and growing pauses. It stops when the log has ended or
//!   when the server's answer is final.
//! - [`Client::history`] gives the whole log, page by page.
//! - [`Client::append`], [`Client::create`] and [`Client::step`] are for workers, with an API key or an append token.
//! - The client asks a [`TokenSource`] for a token before every connection, because a Clerk session token lives for one
//!   minute only.
//!
//! ```no_run
//! use log_client::{Client, Event, TokenSource};
//! use log_domain::{EntryId, JobId, Start};
//!
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("https://logs.example.com")
//!     .token(TokenSource::fixed("eyJ…"))
//!     .build()?;
//! let job: JobId = "build-1".parse()?;
//! let mut log = client.follow(&job, Start::After(EntryId::ZERO));
//! while let Some(event) = log.next().await? {
//!     match event {
//!         Event::Line(line) => println!("{}", line.text.unwrap_or_default()),
//!         Event::Gap { after_id, .. } => eprintln!("lines after {after_id} are missing"),
//!         Event::Interrupted { error, pause } => eprintln!("{error}; next attempt in {pause:?}"),
//!         Event::Done(ending) => eprintln!("the job ended: {ending}"),
//!         _ => {} // connected, a heartbeat, and what a later version may add
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run -p log-client --example tail` is a complete program.
//!
//! **Invariant:** each line comes once. If a line is missing, an [`Event::Gap`] (or [`HistoryPage::gap`] in a history)
//! stands in its place. This holds however often the connection breaks.
//!
//! **Invariant:** no error, no `Debug` output and no URL contains a token.
//!
//! # Crypto provider
//!
//! `https` is rustls, by `reqwest`: it uses the process's default provider, and aws-lc where there is none. This crate sets no
//! default provider. With [`ClientBuilder::http_client`], it is what that client was built with.

mod client;
mod connection;
mod endpoint;
mod error;
mod event;
mod follow;
mod history;
mod options;
mod request;
mod retry;
mod token;
mod write;

pub use client::{Client, ClientBuilder};
pub use error::{BuildError, ClientError, Problem, TokenError, TransientError};
pub use event::{Ending, Event};
pub use follow::Follow;
pub use history::{History, HistoryPage};
pub use options::ClientOptions;
pub use token::TokenSource;

/// The ids, lines, statuses and rules that are in the API of this crate. To use them, no dependency of your own is needed.
pub use log_domain;
/// The bodies that a worker sends and gets.
pub use log_wire;
/// The version of `reqwest` whose client [`ClientBuilder::http_client`] takes.
pub use reqwest;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
