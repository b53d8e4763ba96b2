//! Every route, in one list.

mod append;
mod download;
mod health;
mod job;
mod page;
mod producer;
mod search;
mod status;
mod stream;
mod ticket;
mod webhook;

use actix_web::dev::HttpServiceFactory;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use log_wire::ErrorCode;

use super::catch_panic::catch_panic;
use super::cors::cors;
use super::envelope::envelope;
use super::problem::sealed;
use crate::access::Gate;
use crate::error::ApiError;
use crate::state::AppState;
use crate::viewer;

/// Mounts all routes of the service into an actix application, at its root: those of [`configure_logs`] under `/api`, and those
/// of [`configure_health`], [`configure_webhook`] and [`configure_page`].
///
/// An application that has a scope `/api` of its own must not use this: actix gives a request to the first scope of its path and
/// to no other, so these routes would be 404. It mounts the parts that it wants, and [`configure_logs`] inside its scope.
///
/// Each route answers wrong methods and its own errors. All other routes are the application's. An application with many
/// viewers should spawn a [`log_hub::ThreadWaker`] on each of its workers.
pub fn configure(config: &mut web::ServiceConfig, state: &AppState) {
    with_state(config, state);
    config.service(logs("/api/jobs/{job_id}/logs", state));
    configure_webhook(config, state);
    configure_page(config, state);
    configure_health(config, state);
}

/// Mounts the routes of logs: `/jobs/{job_id}/logs`, `…/logs/status`, `…/logs/stream`, `…/logs/search`, `…/logs/download`,
/// `…/logs/ticket`, and with keys `…/logs/producers/{name}` and the other methods of `/jobs/{job_id}/logs`.
///
/// Clients and the log page look for them under `/api`: call this inside `web::scope("/api")`, beside the scope's own routes.
pub fn configure_logs(config: &mut web::ServiceConfig, state: &AppState) {
    with_state(config, state);
    config.service(logs("/jobs/{job_id}/logs", state));
}

/// Mounts the routes for load balancers: `/healthz` and `/api/health` (the process is alive), `/readyz` and `/api/ready` (it can
/// do its work). For the root of an application. Where that has a scope `/api` of its own, it answers `/api/health` and
/// `/api/ready` itself, with 404: let load balancers ask for the other two.
pub fn configure_health(config: &mut web::ServiceConfig, state: &AppState) {
    with_state(config, state);
    for path in ["/healthz", "/api/health"] {
        config.service(probe(path, || web::route().to(health::alive)));
    }
    for path in ["/readyz", "/api/ready"] {
        config.service(probe(path, || web::route().to(health::ready)));
    }
}

/// Mounts `/webhooks/clerk`, if there are webhooks.
pub fn configure_webhook(config: &mut web::ServiceConfig, state: &AppState) {
    if state.webhooks.is_some() {
        with_state(config, state);
        let clerk = only("POST", "/webhooks/clerk", web::post().to(webhook::clerk));
        config.service(clerk.wrap(from_fn(catch_panic)).wrap(from_fn(envelope)));
    }
}

/// Mounts the log page, if it is on: `/jobs/{job_id}`, `/embed/jobs/{job_id}` and `/viewer/…`. For the root of an application. The
/// page asks for logs under `/api` of its own origin.
pub fn configure_page(config: &mut web::ServiceConfig, state: &AppState) {
    viewer::configure(config, &state.viewer);
}

/// What the handlers look for.
fn with_state(config: &mut web::ServiceConfig, state: &AppState) {
    let gate = Gate {
        verifier: state.verifier.clone(),
        access: state.access.clone(),
        jobs: state.jobs.clone(),
        writers: state.writes.as_ref().map(|writes| writes.gate.clone()),
    };
    config
        .app_data(web::Data::new(state.clone()))
        .app_data(web::Data::new(gate));
}

/// Everything about the log of a job.
fn logs(path: &str, state: &AppState) -> impl HttpServiceFactory + 'static {
    web::scope(path)
        .service(log(state))
        .service(only("GET", "/status", web::get().to(status::status)))
        .service(only("GET", "/stream", web::get().to(stream::stream)))
        .service(only("GET", "/search", web::get().to(search::search)))
        .service(only("GET", "/download", web::get().to(download::download)))
        .service(only("POST", "/ticket", web::post().to(ticket::ticket)))
        .service(only(
            "GET",
            "/producers/{name}",
            web::get().to(producer::producer),
        ))
        .default_service(web::to(not_found))
        .wrap(from_fn(catch_panic))
        .wrap(from_fn(envelope))
        .wrap(from_fn(cors))
}

/// The answer to a route that does not exist, in the shape of all errors.
pub async fn unknown_route(request: HttpRequest) -> HttpResponse {
    sealed(&ApiError::Code(ErrorCode::RouteNotFound), request.headers())
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::Code(ErrorCode::RouteNotFound))
}

/// The log of a job: a page of it and, where there are keys, what workers do to it.
fn log(state: &AppState) -> actix_web::Resource {
    if state.writes.is_none() {
        return only("GET", "", web::get().to(page::page));
    }
    only("GET, POST, PUT, PATCH", "", web::get().to(page::page))
        .route(web::post().to(append::append))
        .route(web::put().to(job::create))
        .route(web::patch().to(job::step))
}

fn only(allow: &'static str, path: &str, route: actix_web::Route) -> actix_web::Resource {
    let refuse =
        move || async move { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allow }) };
    web::resource(path)
        .route(route)
        .default_service(web::to(refuse))
}

/// A health route: `GET` and `HEAD`, without a token.
fn probe(path: &str, route: impl Fn() -> actix_web::Route) -> impl HttpServiceFactory + 'static {
    let refuse =
        || async { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allow: "GET, HEAD" }) };
    web::resource(path)
        .route(route().method(Method::GET))
        .route(route().method(Method::HEAD))
        .default_service(web::to(refuse))
        .wrap(from_fn(envelope))
}
