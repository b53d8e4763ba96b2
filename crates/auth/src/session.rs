//! Who is signed in: the outcome of a verification.

use std::fmt;

use serde_json::Value;

use crate::claims::is_id;
use crate::json::Object;
use crate::{Carrier, OrgRule, Organization};

/// A verified Clerk session.
///
/// There is no way to make one but [`Verifier::verify`](crate::Verifier::verify): no public
/// constructor and no `Deserialize`. Holding one proves that a token was checked at that moment; it
/// says nothing about later, so look at [`expires_at`](Self::expires_at) where a session is kept.
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
    pub(crate) carrier: Carrier,
    pub(crate) organization: Option<Organization>,
    pub(crate) actor: Option<Actor>,
    pub(crate) factor_ages: [Option<u64>; 2],
}

impl Session {
    /// The user: `sub`, always `user_…`.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The session: `sid`, `sess_…` at Clerk. It stays the same over the many tokens of one
    /// session.
    #[must_use]
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// The issuer: one of those the verifier was given.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The origin the token was made for: `azp`. `None` only where the verifier allows that.
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
    /// Unix epoch. How stale an organisation or a role is counts from here, not from
    /// [`issued_at`](Self::issued_at).
    #[must_use]
    pub const fn claims_assembled_at(&self) -> Option<u64> {
        self.claims_assembled_at
    }

    /// Whether the user has still something to do before being signed in (`sts` is `pending`).
    /// Always `false` unless the verifier accepts such sessions.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending
    }

    /// What the token came in.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// The active organisation. `None` where the user works for themselves, or where its claims
    /// cannot be read.
    #[must_use]
    pub const fn organization(&self) -> Option<&Organization> {
        self.organization.as_ref()
    }

    /// Whether this organisation is the active one, and its member meets the rule. An organisation
    /// that the user belongs to and that is not active counts as a stranger's: it is not in the
    /// token.
    #[must_use]
    pub fn may(&self, organization_id: &str, rule: &OrgRule) -> bool {
        self.organization().is_some_and(|organization| {
            organization.id() == organization_id && organization.meets(rule)
        })
    }

    /// Who really acts, where somebody plays this user: `act`. Let them read, put them on record,
    /// and think twice before they may change anything.
    #[must_use]
    pub const fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// Minutes since the first factor was verified, when the token was made; `None` where it was
    /// not (`fva`).
    #[must_use]
    pub const fn first_factor_age(&self) -> Option<u64> {
        self.factor_ages[0]
    }

    /// Minutes since the second factor was verified, when the token was made; `None` where it was
    /// not (`fva`).
    #[must_use]
    pub const fn second_factor_age(&self) -> Option<u64> {
        self.factor_ages[1]
    }
}

/// Somebody who plays the user of a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    subject: Option<String>,
}

impl Actor {
    /// There is an actor wherever there is an `act`, whether it can be read or not: a claim that is
    /// not understood must not turn into the user's own word.
    pub(crate) fn of(claims: &Object) -> Option<Self> {
        let act = claims.get("act")?;
        let subject = act.get("sub").and_then(Value::as_str);
        Some(Self {
            subject: subject.filter(|subject| is_id(subject)).map(str::to_owned),
        })
    }

    /// Who it is, `user_…` at Clerk; `None` where the token does not say it in a form to be put on
    /// record.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

/// Shows no claim.
impl fmt::Debug for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Actor").finish_non_exhaustive()
    }
}

/// Shows no claim: sessions end up in logs.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}
