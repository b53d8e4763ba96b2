//! `POST /webhooks/clerk`: Clerk tells that a session, a user or a membership has ended.

use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use auth::webhooks::{MAX_WEBHOOK_BYTES, WebhookError, WebhookEvent, WebhookHeaders};
use futures_util::StreamExt as _;
use log_domain::{OrgId, Revocation, Revoked, UserId};
use log_wire::ErrorCode;

use crate::error::ApiError;
use crate::state::AppState;

/// Answers 204 once the revocation is kept for every process, also if the message comes again. After any other answer the
/// sender tries again later.
pub(super) async fn clerk(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let webhooks = state
        .webhooks
        .as_ref()
        .ok_or(ApiError::Code(ErrorCode::RouteNotFound))?;
    let body = body(payload).await?;
    let headers = request.headers();
    let headers = WebhookHeaders {
        id: once(headers, ["svix-id", "webhook-id"]),
        timestamp: once(headers, ["svix-timestamp", "webhook-timestamp"]),
        signature: once(headers, ["svix-signature", "webhook-signature"]),
    };
    let delivery = webhooks.verify(headers, &body)?;
    if let Some(revocation) = revocation(&delivery.event, now()) {
        let revoked = [revocation];
        let is_new = state.access.revoke(&delivery.message_id, &revoked).await?;
        tracing::info!(event = ?delivery.event, is_new, "access is withdrawn");
    }
    Ok(HttpResponse::NoContent().finish())
}

/// What an event revokes. All tokens of a session that has ended; of everything else the tokens issued until now.
fn revocation(event: &WebhookEvent, now: u64) -> Option<Revocation> {
    let (what, issued_until) = match event {
        WebhookEvent::SessionEnded { session_id, .. } => {
            (Revoked::Session(session_id.as_str().into()), u64::MAX)
        }
        WebhookEvent::UserEnded { user_id } => (Revoked::User(UserId::new(user_id)?), now),
        WebhookEvent::OrganizationDeleted { organization_id } => {
            (Revoked::Organization(OrgId::new(organization_id)?), now)
        }
        WebhookEvent::MembershipDeleted {
            organization_id,
            user_id,
        }
        | WebhookEvent::MembershipUpdated {
            organization_id,
            user_id,
        } => {
            let (org, user) = (OrgId::new(organization_id)?, UserId::new(user_id)?);
            (Revoked::Member { org, user }, now)
        }
        _ => return None,
    };
    Some(Revocation { what, issued_until })
}

/// Reads the body, up to a limit.
async fn body(mut payload: web::Payload) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| WebhookError::InvalidEvent)?;
        if body.len() + chunk.len() > MAX_WEBHOOK_BYTES {
            return Err(WebhookError::TooLarge.into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A header that must be given once, under the name that Svix uses or else under that of Standard Webhooks, which Svix's
/// own library accepts too. Otherwise an empty value, which is refused later.
fn once<'a>(headers: &'a HeaderMap, [svix, standard]: [&str; 2]) -> &'a [u8] {
    let name = if headers.contains_key(svix) {
        svix
    } else {
        standard
    };
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.as_bytes(),
        _ => b"",
    }
}

/// Seconds since the Unix epoch, as in tokens.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
