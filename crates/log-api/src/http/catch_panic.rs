//! A handler that panics: its client gets an error, and its connection goes on.
//!
//! `CatchPanic` of actix-web-lab does the same, but would bring some twenty further packages into every application that mounts
//! the routes.

use std::panic::AssertUnwindSafe;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::ErrorInternalServerError;
use actix_web::middleware::Next;
use futures_util::FutureExt as _;

/// Middleware that answers 500 for a handler that panics. [`super::envelope`] gives that answer the shape of all errors. The
/// panic itself is told by the process's panic hook.
pub(super) async fn catch_panic(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // What a handler shares with others is behind locks that know no poison, or atomic.
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    answer.unwrap_or_else(|_| Err(ErrorInternalServerError("a handler has panicked")))
}
