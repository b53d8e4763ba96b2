//! A client of the API: follows a job's live log through broken connections, and pages through its history.
//!
//! - [`Client::follow`] gives a [`Follow`]: typed events, each line once and in order. It comes back by itself after the
//!   last line, with a fresh token and growing pauses, until the log has ended or the server's answer is final.
//! - [`Client::history`] gives the whole log, page by page.
//! - A [`TokenSource`] is asked anew for every connection: a Clerk session token lives a minute.
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
//!         Event::Gap { after_id, .. } => eprintln!("lines after {after_id} are gone"),
//!         Event::Interrupted { trouble, pause } => eprintln!("{trouble}; again in {pause:?}"),
//!         Event::Done(ending) => eprintln!("the job ended: {ending}"),
//!         Event::Connected | Event::Heartbeat => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run -p log-client --example tail` is a whole program.
//!
//! **Invariant:** a line comes once, and none is missing without a [`Event::Gap`] in its place, or in a history a
//! [`HistoryPage::gap`], however often the connection breaks. **Invariant:** a token is in no error, no `Debug` and no address.

mod backoff;
mod client;
mod connection;
mod error;
mod event;
mod follow;
mod history;
mod request;
mod token;

pub use client::{Client, ClientBuilder, ClientOptions};
pub use error::{BuildError, ClientError, Problem, TokenError, Trouble};
pub use event::{Ending, Event};
pub use follow::Follow;
pub use history::{History, HistoryPage};
pub use token::TokenSource;
