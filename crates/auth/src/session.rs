//! The result of a successful verification: who is signed in.

use std::fmt;

use serde_json::Value;

use crate::ids::is_id;
use crate::json::Object;
use crate::{CredentialSource, Organization};

/// A verified Clerk session.
///
/// Only a [`Verifier`](crate::Verifier) makes one: there is no public constructor and no
/// `Deserialize`. A session proves that a token was valid when it was verified. It does not prove
/// that it is still valid: code that keeps a session must look at [`expires_at`](Self::expires_at).
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    pub(crate) user_id: String,
    pub(crate) session_id: String,
    pub(crate) issuer: String,
    pub(crate) authorized_party: Option<String>,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    pub(crate) claims_assembled_at: Option<u64>,
    pub(crate) pending: bool,
    pub(crate) credential_source: CredentialSource,
    pub(crate) organization: Option<Organization>,
    pub(crate) actor: Option<Actor>,
    pub(crate) factor_ages: [Option<u64>; 2],
}

impl Session {
    /// The user's id: the claim `sub`, always `user_…`.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The session's id: the claim `sid`, `sess_…` at Clerk. All tokens of one session have the
    /// same.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The issuer: one of those that the verifier accepts.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The origin that the token was made for: the claim `azp`. `None` only if the verifier allows
    /// that.
    #[must_use]
    pub fn authorized_party(&self) -> Option<&str> {
        self.authorized_party.as_deref()
    }

    /// When the token was issued: `iat`, in seconds since the Unix epoch.
    #[must_use]
    pub const fn issued_at(&self) -> u64 {
        self.issued_at
    }

    /// When the token expires: `exp`, in seconds since the Unix epoch.
    #[must_use]
    pub const fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// When Clerk last read the claims from its database: the header `oiat`, in seconds since the
    /// Unix epoch. The organisation and the role are as old as this, not as old as
    /// [`issued_at`](Self::issued_at).
    #[must_use]
    pub const fn claims_assembled_at(&self) -> Option<u64> {
        self.claims_assembled_at
    }

    /// Whether the user still has to do something before they are signed in (`sts` is `pending`).
    /// Always `false` unless the verifier accepts such sessions.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// Where in the request the token was found.
    #[must_use]
    pub const fn credential_source(&self) -> CredentialSource {
        self.credential_source
    }

    /// The active organisation. `None` if none is active, or if its claims cannot be read.
    #[must_use]
    pub const fn organization(&self) -> Option<&Organization> {
        self.organization.as_ref()
    }

    /// Who really acts if somebody impersonates this user: the claim `act`. Record who it is, and
    /// think twice before you let them change anything.
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// How many minutes before the token was made the first factor was verified; `None` if it was
    /// not (the claim `fva`).
    #[must_use]
    pub const fn first_factor_age(&self) -> Option<u64> {
        self.factor_ages[0]
    }

    /// How many minutes before the token was made the second factor was verified; `None` if it was
    /// not (the claim `fva`).
    #[must_use]
    pub const fn second_factor_age(&self) -> Option<u64> {
        self.factor_ages[1]
    }
}

/// Somebody who impersonates the user of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    subject: Option<String>,
}

impl Actor {
    /// A token with a claim `act` always has an actor, even if the claim cannot be read: an
    /// impersonated session must not look like the user's own.
    pub(crate) fn from_claims(claims: &Object) -> Option<Self> {
        let act = claims.get("act")?;
        let subject = act.get("sub").and_then(Value::as_str);
        Some(Self {
            subject: subject.filter(|subject| is_id(subject)).map(str::to_owned),
        })
    }

    /// The actor's id, `user_…` at Clerk; `None` if the token has none that can be recorded.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

/// Does not show any claim.
impl fmt::Debug for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Actor").finish_non_exhaustive()
    }
}

/// Does not show any claim: sessions end up in logs.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}
