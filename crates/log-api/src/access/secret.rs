//! Random names that nobody can guess, and the keys under which they are kept.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use log_store::TicketKey;
use log_wire::ErrorCode;

use crate::error::ApiError;

/// What a key is for, so that one kind of secret is never taken for another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Ticket,
    Lease,
}

/// 256 random bits in hexadecimal.
pub(super) fn random() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes).map_err(|_| ApiError::Code(ErrorCode::Internal))?;
    Ok(TicketKey::new(bytes).to_string())
}

/// Where a secret is kept: under its digest, so that whoever reads the store cannot use what is there.
pub(super) fn key_of(purpose: Purpose, secret: &str) -> TicketKey {
    let purpose = match purpose {
        Purpose::Ticket => "ticket:",
        Purpose::Lease => "lease:",
    };
    let whole = digest(&SHA256, [purpose, secret].concat().as_bytes());
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
    fn a_ticket_is_no_lease_and_no_key_shows_its_secret() {
        let secret = random().unwrap();
        let ticket = key_of(Purpose::Ticket, &secret).to_string();
        assert_ne!(ticket, key_of(Purpose::Lease, &secret).to_string());
        assert_ne!(ticket, secret);
    }
}
