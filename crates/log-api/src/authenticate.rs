//! Who is it: the one credential of a request, verified, and not revoked since.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use auth::{Rejection, RequestHead};
use log_wire::ErrorCode;

use crate::access::Principal;
use crate::error::ApiError;
use crate::query::ticket;
use crate::state::AppState;

/// Who a request is from. A ticket is looked for only where the route takes one, and stands for one job alone.
///
/// # Errors
/// 400 for two credentials, 401 for none or one that does not hold, 503 where that cannot be said.
pub(crate) async fn authenticate(
    parts: &AppState,
    request: &HttpRequest,
    takes_tickets: bool,
) -> Result<Principal, ApiError> {
    let ticket = if takes_tickets {
        ticket(request)?
    } else {
        None
    };
    let who = match ticket {
        Some(secret) => by_ticket(parts, request, &secret).await?,
        None => by_token(parts, request).await?,
    };
    parts.access.still(who).await
}

/// A session cookie beside a ticket is no second credential: a browser sends it whether its page wants that or not.
async fn by_ticket(
    parts: &AppState,
    request: &HttpRequest,
    secret: &str,
) -> Result<Principal, ApiError> {
    if request.headers().contains_key(AUTHORIZATION) {
        return Err(Rejection::MalformedCredentials.into());
    }
    let granted = parts.access.take_ticket(secret).await?;
    granted.for_job(request.match_info().query("job_id"))
}

async fn by_token(parts: &AppState, request: &HttpRequest) -> Result<Principal, ApiError> {
    let session = parts.verifier.authenticate(&Head(request)).await?;
    if let Some(actor) = session.actor() {
        // The one claim that is logged: who reads as somebody else goes on record.
        tracing::info!(
            target: "log_api::audit",
            actor = actor.subject().unwrap_or("(unknown)"),
            job = request.match_info().query("job_id"),
            method = %request.method(),
            "somebody acts as a user"
        );
    }
    Principal::of(&session).ok_or(ApiError::Code(ErrorCode::Internal))
}

/// A request as `auth` looks at one.
struct Head<'a>(&'a HttpRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        let values = self.0.headers().get_all(name);
        values.map(|value| value.as_bytes())
    }
}
