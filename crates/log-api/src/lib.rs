//! The service: a job's history over REST and its live log over SSE, behind Clerk session tokens and one gate.
//!
//! # The routes in another application
//!
//! Make an [`AppState`], and pass it to [`configure`], which mounts everything at the root of an application. An application
//! with a scope `/api` of its own calls [`configure_logs`] inside it, because actix looks for a path in one scope only. Before
//! the process ends, call [`AppState::drain`], or the server waits for its streams, which is up to 30 s.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use actix_web::{App, HttpServer, web};
//! use auth::Verifier;
//! use log_api::{AppState, Stores, configure_health, configure_logs};
//! # use log_store::MemoryStore;
//!
//! # async fn serve(verifier: Arc<Verifier>, stopped: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::new()); // RedisStore, EmbeddedStore, your own
//! let state = AppState::new(verifier, Stores::one(store))?;
//! let routes = state.clone();
//! let server = HttpServer::new(move || {
//!     let api = web::scope("/api")
//!         .route("/builds", web::get().to(async || "a route of your own"))
//!         .configure(|scope| configure_logs(scope, &routes));
//!     App::new().service(api).configure(|root| configure_health(root, &routes))
//! });
//! let server = server.disable_signals().bind("127.0.0.1:8080")?.run();
//! let handle = server.handle();
//! let serving = tokio::spawn(server);
//!
//! stopped.await; // SIGTERM
//! let closed = handle.stop(true); // at once: it listens no more
//! state.drain(Duration::from_secs(5)).await; // clients come back to another process, not all together
//! closed.await;
//! serving.await??;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/outside/actix-mount` is a complete one. Another route can pass the same gate: [`AuthorizedJob`].
//!
//! # What is kept where
//!
//! [`Stores::one`] keeps tickets and revocations in the store that it is given, so that all processes over that store know them.
//! [`AccessStores::local`] keeps them in the memory of this process, for a service of one process. In the memory of each process
//! are, by their nature, the streams that are open there, and so the limits of how many there may be.
//!
//! # Features
//!
//! | feature | what it brings |
//! |---|---|
//! | `server` (default) | the service: command line, settings, listeners, metrics; with `remote` of `auth` |
//! | `redis`, `embedded` (default) | the stores of the service |
//! | `mint` (default) | `log-api demo` and `serve --dev`, which sign their users in themselves |
//! | `jemalloc` | an allocator for the binary that gives memory back |
//!
//! A mount needs none of them: `default-features = false`.
//!
//! # Crypto provider
//!
//! Tokens, keys and tickets use `aws-lc-rs` directly. This crate sets no default provider of the process. Keys of Clerk
//! (`remote`) and Redis over TLS (`redis`) use the process's default provider of rustls, and aws-lc where there is none.

mod access;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
mod cli_result;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "mint")]
mod demo;
#[cfg(feature = "mint")]
mod dev;
mod error;
mod health;
#[cfg(feature = "server")]
mod health_check;
mod http;
mod ingest;
mod json_object;
#[cfg(feature = "server")]
mod keys;
mod lost_runs;
#[cfg(feature = "server")]
mod metrics;
#[cfg(feature = "server")]
mod net;
#[cfg(feature = "server")]
mod signals;
mod state;
mod stream;
mod supervise;
#[cfg(feature = "server")]
mod telemetry;
mod viewer;
mod whole_log;
#[cfg(feature = "server")]
mod wiring;
#[cfg(all(feature = "server", not(feature = "mint")))]
mod without_mint;

pub use access::{
    Access, AccessOptions, AccessStats, AccessStores, AuthorizedJob, KeyDigest, KeyEntry,
    KeyEntryError, KeyRing, LeaseMode, LeaseOptions, Principal, Query, Scope, ScopeError,
    StreamLimits, TICKET_LIFE, TOKEN_LIFE, TokenSigner, WriteGate, generate_key, require_readable,
};
pub use error::{ApiError, StateError};
pub use health::Health;
pub use http::{
    NoQuery, RequestId, StreamQuery, configure, configure_health, configure_logs, configure_page,
    configure_webhook, envelope, unknown_route,
};
pub use ingest::{WriteOptions, WriteStores, Writes};
#[cfg(feature = "server")]
pub use metrics::{Metrics, StoreGauges};
pub use state::{AppState, AppStateBuilder, SEARCHES, Stores};
pub use stream::SseBody;
pub use viewer::ViewerOptions;

/// Its examples are tests.
#[cfg(all(doctest, feature = "mint"))]
#[doc = include_str!("../README.md")]
struct Readme;
