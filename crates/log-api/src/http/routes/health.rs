//! Health, for load balancers: one state for each component and nothing more.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use log_store::{Jobs, LogStore};
use serde_json::json;

use crate::state::AppState;

/// `GET /healthz`, `GET /api/health`: the process is alive.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /readyz`, `GET /api/ready`: the service can do its work.
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let health = &state.health;
    let draining = health.is_draining();
    // Without the list of revocations, which is in the store, no request can be decided.
    let store = health.is_store_usable()
        && health.store_answers(answers(&state)).await
        && state.access.is_ready();
    let keys = state.verifier.key_health().ready;
    let ready = store && keys && state.hub.is_healthy() && !draining;
    let word = |good: bool| if good { "ok" } else { "unavailable" };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let overall = match (draining, ready) {
        (true, _) => "draining",
        (false, true) => "ok",
        (false, false) => "unavailable",
    };
    // Most jobs can be read, so the service takes requests; those of the others are answered 503.
    let store = if store && state.store.is_degraded() {
        "degraded"
    } else {
        word(store)
    };
    HttpResponse::build(status).json(json!({
        "status": overall,
        "store": store,
        "keys": word(keys),
    }))
}

/// Asks the store for a sign of life. Logs and jobs are mostly in one store, which is then asked once.
async fn answers(state: &AppState) -> bool {
    state.store.ping_logs().await.is_ok()
        && (is_one_store(&state.store, &state.jobs) || state.jobs.ping_jobs().await.is_ok())
}

fn is_one_store(logs: &Arc<dyn LogStore>, jobs: &Arc<dyn Jobs>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(logs), Arc::as_ptr(jobs))
}
