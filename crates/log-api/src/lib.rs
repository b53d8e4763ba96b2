//! The service: a job's history over REST and its live log over SSE, behind Clerk session tokens and one gate.
//!
//! As a library, its routes mount into another actix application: pass an [`AppState`] to [`configure`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use actix_web::{App, http::StatusCode, test};
//! use auth::{StaticKeys, Verifier, mint::Issuer};
//! use log_api::{AppState, configure};
//! use log_hub::HubOptions;
//! use log_store::MemoryStore;
//!
//! # #[actix_web::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = Issuer::generate()?;
//! let keys = StaticKeys::from_jwks(&issuer.jwks_json())?;
//! let verifier = Verifier::builder(Arc::new(keys))
//!     .issuers([issuer.issuer()])
//!     .authorized_parties(["https://app.example.com"])
//!     .build()?;
//! let store = Arc::new(MemoryStore::new());
//! let state = AppState::new(Arc::new(verifier), store.clone(), store, HubOptions::default());
//!
//! let app = test::init_service(App::new().configure(|config| configure(config, &state))).await;
//! let request = test::TestRequest::get().uri("/api/jobs/build-1/logs").to_request();
//! let answer = test::call_service(&app, request).await;
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```

// The future that serves is nested deeper than the compiler looks by default.
#![recursion_limit = "256"]

mod access;
pub mod app;
pub mod cli;
mod cli_result;
pub mod config;
mod demo;
mod dev;
mod error;
mod health;
mod health_check;
mod http;
mod ingest;
mod keys;
mod lost_runs;
mod metrics;
mod net;
mod signals;
mod state;
mod stream;
mod supervise;
mod telemetry;
mod viewer;
mod whole_log;
mod wiring;

pub use access::{
    Access, AccessOptions, AccessStats, AccessStores, AuthorizedJob, KeyDigest, KeyEntry,
    KeyEntryError, KeyRing, LeaseMode, LeaseOptions, Principal, Query, Scope, ScopeError,
    StreamLimits, TICKET_LIFE, TOKEN_LIFE, TokenSigner, WriteGate, generate_key, require_readable,
};
pub use error::ApiError;
pub use health::Health;
pub use http::{NoQuery, RequestId, StreamQuery, configure, envelope, unknown_route};
pub use ingest::{WriteOptions, WriteStores, Writes};
pub use metrics::{Metrics, StoreGauges};
pub use state::{AppState, AppStateBuilder, SEARCHES};
pub use stream::SseBody;
pub use viewer::ViewerOptions;
