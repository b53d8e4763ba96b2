//! Health, for load balancers: a state a component and nothing more.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;
use tokio::time::timeout;

use crate::state::AppState;

/// A probe must be answered before the prober gives up.
const DEADLINE: Duration = Duration::from_secs(2);

/// `GET /healthz`, `GET /api/health`: the process is alive.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// `GET /readyz`, `GET /api/ready`: the service can do its work.
pub(super) async fn ready(parts: web::Data<AppState>) -> HttpResponse {
    let draining = parts.health.is_draining();
    let store = parts.health.is_store_usable() && answers(&parts).await;
    let keys = parts.verifier.key_health().ready;
    let ready = store && keys && !draining;
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
    HttpResponse::build(status).json(json!({
        "status": overall,
        "store": word(store),
        "keys": word(keys),
    }))
}

async fn answers(parts: &AppState) -> bool {
    let both = async { parts.store.ping().await.is_ok() && parts.jobs.ping().await.is_ok() };
    timeout(DEADLINE, both).await.unwrap_or(false)
}
