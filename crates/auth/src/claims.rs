//! Validates the claims of a token after its signature has been verified: steps 8 to 14 of the
//! crate's documentation, in that order.

use std::time::Duration;

use serde_json::Value;

use crate::ids::{is_id, is_user_id};
use crate::json::Object;
use crate::policy::Policy;
use crate::{Actor, CredentialSource, Organization, Rejection, Session};

/// Validates verified claims against a policy and makes a session of them. `now` is the time since
/// the Unix epoch.
pub(crate) fn validate(
    claims: &Object,
    claims_assembled_at: Option<u64>,
    credential_source: CredentialSource,
    policy: &Policy,
    now: Duration,
) -> Result<Session, Rejection> {
    let times = Times::read(claims)?;
    let issuer = issuer(claims, policy)?;
    let user_id = user_id(claims)?;
    let session_id = session_id(claims)?;
    audience(claims, policy)?;
    let authorized_party = authorized_party(claims, credential_source, policy)?;
    times.validate(policy, now)?;
    let pending = pending(claims, policy)?;
    Ok(Session {
        user_id: user_id.to_owned(),
        session_id: session_id.to_owned(),
        issuer: issuer.to_owned(),
        authorized_party: authorized_party.map(str::to_owned),
        issued_at: times.issued_at,
        expires_at: times.expires_at,
        claims_assembled_at,
        pending,
        credential_source,
        organization: Organization::from_claims(claims),
        actor: Actor::from_claims(claims),
        factor_ages: factor_ages(claims),
    })
}

/// The three times of a token, in seconds since the Unix epoch.
struct Times {
    expires_at: u64,
    not_before: u64,
    issued_at: u64,
}

impl Times {
    /// All three are required, and must be whole numbers from 0. RFC 7519 would allow fractions, but
    /// Clerk never sends them, and libraries round them differently.
    fn read(claims: &Object) -> Result<Self, Rejection> {
        let read = |name| {
            claims
                .get(name)
                .and_then(Value::as_u64)
                .ok_or(Rejection::VerificationFailed)
        };
        Ok(Self {
            expires_at: read("exp")?,
            not_before: read("nbf")?,
            issued_at: read("iat")?,
        })
    }

    fn validate(&self, policy: &Policy, now: Duration) -> Result<(), Rejection> {
        let latest = now.saturating_add(policy.clock_skew);
        if Duration::from_secs(self.expires_at).saturating_add(policy.clock_skew) <= now {
            return Err(Rejection::Expired);
        }
        if Duration::from_secs(self.not_before) > latest {
            return Err(Rejection::NotActiveYet);
        }
        if Duration::from_secs(self.issued_at) > latest {
            return Err(Rejection::IssuedInTheFuture);
        }
        // Session tokens live one minute. A JWT template's token can live ten years and may differ
        // in nothing else.
        let lifetime = self.expires_at.checked_sub(self.issued_at);
        match lifetime.map(Duration::from_secs) {
            Some(lifetime) if !lifetime.is_zero() && lifetime <= policy.max_lifetime => Ok(()),
            Some(_) | None => Err(Rejection::VerificationFailed),
        }
    }
}

fn issuer<'a>(claims: &'a Object, policy: &Policy) -> Result<&'a str, Rejection> {
    text(claims, "iss")
        .filter(|issuer| policy.issuers.iter().any(|known| known == issuer))
        .ok_or(Rejection::InvalidIssuer)
}

fn user_id(claims: &Object) -> Result<&str, Rejection> {
    text(claims, "sub")
        .filter(|subject| is_user_id(subject))
        .ok_or(Rejection::VerificationFailed)
}

/// A token of the instance without a session is of another class, for example a JWT template's.
fn session_id(claims: &Object) -> Result<&str, Rejection> {
    text(claims, "sid")
        .filter(|session| is_id(session))
        .ok_or(Rejection::TypeMismatch)
}

/// `aud` is checked only if audiences are configured: Clerk's session tokens have none by default.
fn audience(claims: &Object, policy: &Policy) -> Result<(), Rejection> {
    if policy.audiences.is_empty() {
        return Ok(());
    }
    let is_ours = |audience: &str| policy.audiences.iter().any(|known| known == audience);
    let accepted = match claims.get("aud") {
        Some(Value::String(audience)) => is_ours(audience),
        Some(Value::Array(audiences)) => {
            audiences.iter().all(Value::is_string)
                && audiences.iter().filter_map(Value::as_str).any(is_ours)
        }
        Some(_) | None => false,
    };
    if accepted {
        Ok(())
    } else {
        Err(Rejection::VerificationFailed)
    }
}

/// A token from a cookie must name its origin in any case: a browser requested it, and Clerk then
/// always sets `azp`.
fn authorized_party<'a>(
    claims: &'a Object,
    credential_source: CredentialSource,
    policy: &Policy,
) -> Result<Option<&'a str>, Rejection> {
    let may_be_missing = policy.allow_missing_azp && credential_source == CredentialSource::Bearer;
    match claims.get("azp") {
        None if may_be_missing => Ok(None),
        None => Err(Rejection::MissingAuthorizedParty),
        Some(Value::String(party)) if policy.authorized_parties.contains(party) => Ok(Some(party)),
        Some(_) => Err(Rejection::InvalidAuthorizedParties),
    }
}

/// An unknown status is refused: a new one is more likely to restrict a session than to extend it.
fn pending(claims: &Object, policy: &Policy) -> Result<bool, Rejection> {
    match claims.get("sts").map(Value::as_str) {
        None | Some(Some("active")) => Ok(false),
        Some(Some("pending")) if policy.accept_pending => Ok(true),
        Some(Some("pending")) => Err(Rejection::SessionPending),
        Some(_) => Err(Rejection::VerificationFailed),
    }
}

fn text<'a>(claims: &'a Object, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// `fva`: minutes since the first and the second factor were verified; −1 means never. A claim that
/// is not two such numbers means never for both.
fn factor_ages(claims: &Object) -> [Option<u64>; 2] {
    let Some([first, second]) = claims
        .get("fva")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return [None; 2];
    };
    let is_age = |age: &Value| age.as_i64().is_some_and(|minutes| minutes >= -1);
    if is_age(first) && is_age(second) {
        [first.as_u64(), second.as_u64()]
    } else {
        [None; 2]
    }
}
