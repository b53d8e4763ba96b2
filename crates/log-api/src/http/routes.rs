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

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_lab::middleware::CatchPanic;
use log_wire::ErrorCode;

use super::cors::cors;
use super::envelope::envelope;
use super::problem::sealed;
use crate::access::Gate;
use crate::error::ApiError;
use crate::state::AppState;
use crate::viewer;

/// Mounts the routes of the service into an actix application.
///
/// The routes are `/api/jobs/{job_id}/logs`, `…/logs/status`, `…/logs/stream`, `…/logs/search`, `…/logs/download`,
/// `…/logs/ticket`, `/healthz`, `/readyz`, `/api/health` and `/api/ready`; with keys `…/logs/producers/{name}` and the other
/// methods of `/api/jobs/{job_id}/logs`; with webhooks `/webhooks/clerk`; and with the log page
/// `/jobs/{job_id}`, `/embed/jobs/{job_id}` and `/viewer/…`. Each answers wrong methods and its own errors. All other routes are
/// the application's.
///
/// An application with many viewers should spawn a [`log_hub::ThreadWaker`] on each of its workers, as
/// [`crate::app::Application`] does.
pub fn configure(config: &mut web::ServiceConfig, state: &AppState) {
    let logs = web::scope("/api/jobs/{job_id}/logs")
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
        .wrap(CatchPanic::default())
        .wrap(from_fn(envelope))
        .wrap(from_fn(cors));
    let gate = Gate {
        verifier: state.verifier.clone(),
        access: state.access.clone(),
        jobs: state.jobs.clone(),
        writers: state.writes.as_ref().map(|writes| writes.gate.clone()),
    };
    config
        .app_data(web::Data::new(state.clone()))
        .app_data(web::Data::new(gate))
        .service(logs);
    if state.webhooks.is_some() {
        let clerk = only("POST", "/webhooks/clerk", web::post().to(webhook::clerk));
        config.service(clerk.wrap(CatchPanic::default()).wrap(from_fn(envelope)));
    }
    viewer::configure(config, &state.viewer);
    for path in ["/healthz", "/api/health"] {
        config.service(probe(path, || web::route().to(health::alive)));
    }
    for path in ["/readyz", "/api/ready"] {
        config.service(probe(path, || web::route().to(health::ready)));
    }
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
fn probe(
    path: &str,
    route: impl Fn() -> actix_web::Route,
) -> impl actix_web::dev::HttpServiceFactory + 'static {
    let refuse =
        || async { Err::<HttpResponse, _>(ApiError::MethodNotAllowed { allow: "GET, HEAD" }) };
    web::resource(path)
        .route(route().method(Method::GET))
        .route(route().method(Method::HEAD))
        .default_service(web::to(refuse))
        .wrap(from_fn(envelope))
}
