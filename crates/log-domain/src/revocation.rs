//! Revocations: access that was withdrawn before it ended by itself.

use crate::id::{OrgId, UserId};

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// A session, by the provider's id for it.
    Session(Box<str>),
    /// All sessions of a user.
    User(UserId),
    /// The membership of a user in an organisation.
    Member {
        /// The organisation.
        org: OrgId,
        /// The user.
        user: UserId,
    },
    /// All memberships of an organisation.
    Organization(OrgId),
}

/// What was revoked, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What was revoked.
    pub what: Revoked,
    /// Tokens that were issued up to and including this moment are no longer accepted: seconds since the Unix epoch. For
    /// a session it is [`u64::MAX`], because an ended session never comes back.
    pub issued_until: u64,
}
