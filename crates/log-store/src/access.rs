//! Tickets, which stand for a session, and revocations: what decides about a reader beside the job.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::Revocation;

use crate::error::StoreError;

/// The name under which a ticket is stored: the SHA-256 of its secret. No store sees the secret.
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

/// The digest in hexadecimal, as a part of a name.
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

/// Stores tickets. Each can be taken once, and expires soon.
///
/// # Contract
///
/// * **K1** `take` MUST return what was put, once: of any number of callers, in any processes, exactly one MUST get it.
/// * **K2** A ticket MUST exist until its life is over, and MUST NOT exist afterwards.
/// * **K3** When `put` has returned, every `take` that begins afterwards MUST find the ticket, in any process that shares the
///   store. Another `put` with the same key MUST replace it.
/// * **K4** If the store cannot be reached, the call MUST fail within the deadline (R4 of [`crate::LogStore`]). A failed
///   `take` MAY have removed the ticket. The ticket MUST NOT be returned twice.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError>;
/// async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError>;
/// ```
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Stores a ticket for `life`, with what it stands for.
    async fn put(&self, key: &TicketKey, grant: &str, life: Duration) -> Result<(), StoreError>;

    /// Removes a ticket, and returns what it stands for. `None` if there is no such ticket.
    async fn take(&self, key: &TicketKey) -> Result<Option<String>, StoreError>;
}

/// Distributes revocations to all processes.
///
/// # Contract
///
/// * **V1** Every watch, in every process that shares the store, MUST return a revocation at least once: an existing watch
///   in its next read, a watch that is opened within `keep` in its first read. It MAY be kept longer.
/// * **V2** [`RevocationWatch::changed`] MUST keep W1 to W5 of [`crate::LogWatch`], with [`RevocationWatch::news`] instead of
///   `read_after`. So a lost connection hides no revocation. While the store can be reached, the notice MUST come within a
///   second.
/// * **V3** A message MUST be processed once: of all calls with one id within `keep`, one MUST return `true`, and the others
///   MUST revoke nothing.
/// * **V4** The revocations of a message, and that it was processed, MUST be stored in one step: a failed call MUST NOT have
///   stored only one of them.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn revoke(&self, message: &str, revocations: &[Revocation], keep: Duration) -> Result<bool, StoreError>;
/// fn watch_revocations(&self) -> Box<dyn RevocationWatch>;
/// ```
#[async_trait]
pub trait Revocations: Send + Sync + 'static {
    /// Processes a message, unless it was processed before. `message` is 1 to 128 visible ASCII characters.
    async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
        keep: Duration,
    ) -> Result<bool, StoreError>;

    /// Begins to watch.
    fn watch_revocations(&self) -> Box<dyn RevocationWatch>;
}

/// Watches revocations, see V1 and V2.
///
/// # Signatures
///
/// As one writes them, under `#[async_trait]`:
///
/// ```text
/// async fn changed(&mut self);
/// async fn news(&mut self) -> Result<Vec<Revocation>, StoreError>;
/// ```
#[async_trait]
pub trait RevocationWatch: Send + 'static {
    /// Waits until there may be new revocations.
    async fn changed(&mut self);

    /// The revocations since the last call, oldest first. The first call returns everything that is kept.
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
