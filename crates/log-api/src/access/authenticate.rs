//! Who is it? One credential of a request, verified, and not revoked since it was issued.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use auth::{Rejection, RequestHead, Verifier};
use log_wire::ErrorCode;

use super::control::Access;
use super::principal::Principal;
use super::request::{address, bearer};
use super::scope::Scope;
use super::write_gate::{Credential, WriteGate, is_ours};
use crate::error::ApiError;

/// Who a request is from: by its ticket if it has one, by its API key, else by its session token.
///
/// # Errors
/// 400 for two credentials, 401 for none or one that does not verify, 403 for a key that may not read, 503 if that cannot
/// be decided now.
pub(super) async fn authenticate(
    (verifier, access, writers): (&Verifier, &Access, Option<&WriteGate>),
    request: &HttpRequest,
    ticket: Option<String>,
) -> Result<Principal, ApiError> {
    let who = if let Some(secret) = ticket {
        by_ticket(access, request, &secret).await?
    } else {
        if let Some(writers) = writers
            && let Some(key) = bearer(request)?.filter(|text| is_ours(text))
        {
            return by_key(writers, key, request);
        }
        by_token(verifier, access, request).await?
    };
    access.check_not_revoked(who).await
}

/// A key reads if it has that scope. An append token never reads: what it may write, others may have written too.
fn by_key(writers: &WriteGate, key: &str, request: &HttpRequest) -> Result<Principal, ApiError> {
    let refused = ApiError::ScopeMissing {
        scope: Scope::LogsRead.as_str(),
    };
    match writers.recognise(key, address(request))? {
        Credential::Key(entry) if entry.scopes.contains(&Scope::LogsRead) => {
            let principal = Principal::from_key(Arc::clone(&writers.keys), entry);
            principal.ok_or(ApiError::Code(ErrorCode::Internal))
        }
        Credential::Key(_) | Credential::Token(_) => Err(refused),
    }
}

/// A ticket beside an `Authorization` header is two credentials. A cookie beside a ticket is ignored: browsers send
/// cookies whether the page wants that or not.
async fn by_ticket(
    access: &Access,
    request: &HttpRequest,
    secret: &str,
) -> Result<Principal, ApiError> {
    if request.headers().contains_key(AUTHORIZATION) {
        return Err(Rejection::MalformedCredentials.into());
    }
    let grant = access.take_ticket(secret).await?;
    grant.for_job(request.match_info().query("job_id"))
}

async fn by_token(
    verifier: &Verifier,
    access: &Access,
    request: &HttpRequest,
) -> Result<Principal, ApiError> {
    let session = verifier.authenticate(&Head(request)).await?;
    if let Some(actor) = session.actor() {
        // The only claim that is logged: impersonation must leave a trace.
        tracing::info!(
            target: "log_api::audit",
            actor = actor.subject().unwrap_or("(unknown)"),
            job = request.match_info().query("job_id"),
            method = %request.method(),
            "somebody acts as a user"
        );
    }
    Principal::from_session(&session, access.org_rule()).ok_or(ApiError::Code(ErrorCode::Internal))
}

/// The view that `auth` has of a request.
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
