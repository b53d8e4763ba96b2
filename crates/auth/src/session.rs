//! Who is signed in: the outcome of a verification.

use std::fmt;

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
}

/// Shows no claim: sessions end up in logs.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}
