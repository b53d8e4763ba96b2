//! Which pages of other origins may call the service from a browser.

use actix_cors::Cors;

/// Allows exactly these origins, with credentials. A preflight is answered here, before authentication.
pub(super) fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST"])
        .allowed_headers([
            "Authorization",
            "Last-Event-ID",
            "X-Request-ID",
            "Content-Type",
        ])
        .expose_headers(["X-Request-ID", "Retry-After"])
        .supports_credentials()
        .max_age(600);
    origins
        .iter()
        .fold(cors, |cors, origin| cors.allowed_origin(origin))
}
