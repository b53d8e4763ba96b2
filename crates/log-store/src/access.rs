//! What decides about a reader beside the job: tickets that stand for a session, and what was revoked.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;

use crate::error::StoreError;

/// The name under which a ticket is kept: the SHA-256 of its secret, which no store ever sees.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TicketKey([u8; 32]);

impl TicketKey {
    /// The key for the digest of a secret.
    #[must_use]
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The digest in hexadecimal, as it is part of a name.
impl fmt::Display for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(…)")
    }
}

/// Keeps tickets: each stands for something, once, and not for long.
///
/// # Contract
///
/// * **K1** `take` MUST give what was put, once: of any number of takers, in any processes, one MUST get it.
/// * **K2** A ticket MUST be there until its life is over, and MUST NOT be afterwards.
/// * **K3** A ticket whose `put` has returned MUST be found by every `take` that begins afterwards, in any process that
///   shares the store; a further `put` under its key MUST replace it.
/// * **K4** A store that cannot be reached MUST be an error within its deadline (R4 of [`crate::LogStore`]). A `take`
///   that failed MAY have used the ticket up; it MUST NOT have left it to be taken twice.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Keeps a ticket for `life`, and what it stands for.
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError>;

    /// Takes a ticket: what it stands for, if it is there, and it is no more.
    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError>;
}

/// Tells every process what was revoked.
///
/// # Contract
///
/// * **V1** A revocation MUST be in the news of every watch, in every process that shares the store, at least once: of one
///   that was there before by its next read, of one that is opened within `keep` by its first. It MAY be kept longer.
/// * **V2** [`RevocationWatch::changed`] MUST keep W1 to W5 of [`crate::LogWatch`], with [`RevocationWatch::news`] for
///   `read_after`: so no lost connection and no lost notice hides a revocation. While the store can be reached, the notice
///   MUST come within a second.
/// * **V3** A message MUST count once: of calls with one id within `keep`, one MUST be told `true`, and the others MUST
///   revoke nothing.
/// * **V4** What a message revokes and that it counted MUST be kept in one step: a call that failed MUST NOT have left the
///   one without the other.
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Revokes what a message says, unless it has counted before. `message` is 1 to 128 visible ASCII characters.
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError>;

    /// Begins to watch.
    fn watch(&self) -> Box<dyn RevocationWatch>;
}

/// Watches what is revoked, see V1 and V2.
#[async_trait]
pub trait RevocationWatch: Send + 'static {
    /// Waits until there may be news.
    async fn changed(&mut self);

    /// What was revoked since the last news, oldest first; at first all that is kept. Reading arms the watch.
    async fn news(&mut self) -> Result<Vec<Revocation>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_key_is_a_name_and_is_not_printed() {
        let key = TicketKey::new([0xab; 32]);
        assert_eq!(key.to_string(), "ab".repeat(32));
        assert_eq!(format!("{key:?}"), "TicketKey(…)");
    }
}
