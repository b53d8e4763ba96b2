//! The secret of a ticket, and the key under which the ticket is stored.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use log_store::TicketKey;

/// 256 random bits in hexadecimal. `None` if the system has none.
pub(crate) fn random() -> Option<String> {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes).ok()?;
    Some(TicketKey::new(bytes).to_string())
}

/// The key of a ticket in the store. It is a digest of the secret, so that nobody who reads the store can use a ticket.
pub(super) fn ticket_key(secret: &str) -> TicketKey {
    let whole = digest(&SHA256, ["ticket:", secret].concat().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(whole.as_ref());
    TicketKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_never_the_same() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, other);
    }

    #[test]
    fn the_key_of_a_ticket_does_not_show_its_secret() {
        let secret = random().unwrap();
        assert_ne!(ticket_key(&secret).to_string(), secret);
    }
}
