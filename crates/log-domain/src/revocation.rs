//! What was taken back before it ended by itself.

use crate::id::{OrgId, UserId};

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Revoked {
    /// A session, by the provider's id for it.
    Session(Box<str>),
    /// Everything of a user.
    User(UserId),
    /// What a user was in an organisation.
    Member {
        /// The organisation.
        org: OrgId,
        /// The user.
        user: UserId,
    },
    /// What anybody was in an organisation.
    Organization(OrgId),
}

/// That something was revoked, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What.
    pub what: Revoked,
    /// What was issued up to this moment counts no more: seconds since the Unix epoch, this one included. A session that
    /// has ended never comes back, so its moment is [`u64::MAX`].
    pub issued_until: u64,
}
