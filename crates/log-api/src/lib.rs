//! The service: a job's history over REST and its live log over SSE, behind Clerk session tokens and one gate.
//!
//! As a library, its routes mount into another actix application: hand [`AppState`] to [`configure`].
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
//! let parts = AppState::new(Arc::new(verifier), store.clone(), store, HubOptions::default());
//!
//! let app = test::init_service(App::new().configure(|config| configure(config, &parts))).await;
//! let request = test::TestRequest::get().uri("/api/jobs/build-1/logs").to_request();
//! let answer = test::call_service(&app, request).await;
//! assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
//! # Ok(())
//! # }
//! ```

mod access;
pub mod app;
mod authenticate;
pub mod cli;
mod cli_result;
pub mod config;
mod connections;
mod delivery;
mod demo;
mod envelope;
mod error;
mod gate;
mod health;
mod health_check;
mod limits;
mod metrics;
mod query;
mod request_id;
mod routes;
mod sender;
mod shared_reads;
mod signals;
mod single_flight;
mod sse_body;
mod state;
mod telemetry;
mod wiring;

pub use access::{
    Access, AccessOptions, AccessStats, AccessStores, LeaseMode, LeaseOptions, Principal,
    TICKET_LIFE,
};
pub use envelope::envelope;
pub use error::ApiError;
pub use gate::{AuthorizedJob, require_readable};
pub use health::Health;
pub use limits::{Place, StreamLimits};
pub use metrics::{Metrics, StoreGauges};
pub use query::{NoQuery, Query, StreamQuery};
pub use request_id::RequestId;
pub use routes::{configure, unknown_route};
pub use sse_body::SseBody;
pub use state::AppState;
