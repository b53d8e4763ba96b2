//! The signing secret that Svix and an endpoint share.

use std::fmt;
use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::clock::since_epoch;

/// Shortest key, in bytes: 128 bits. Svix's own have at least 24 bytes.
const MIN_KEY_BYTES: usize = 16;

/// The signing secret of a webhook endpoint, `whsec_…` in Clerk's dashboard.
#[derive(Clone)]
pub struct SigningSecret(hmac::Key);

/// A text that is not a [`SigningSecret`]. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a webhook's signing secret is whsec_ and the base64 of 16 bytes or more")]
pub struct ParseSigningSecretError;

/// Two headers of a delivery, made by [`SigningSecret::sign`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDelivery {
    /// `svix-timestamp`.
    pub timestamp: String,
    /// `svix-signature`.
    pub signature: String,
}

impl SigningSecret {
    /// Reads a secret as the dashboard shows it.
    ///
    /// # Errors
    ///
    /// If the text is not a signing secret.
    pub fn parse(secret: &str) -> Result<Self, ParseSigningSecretError> {
        secret
            .strip_prefix("whsec_")
            .and_then(|base64| STANDARD.decode(base64).ok())
            .filter(|key| key.len() >= MIN_KEY_BYTES)
            .map(|key| Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
            .ok_or(ParseSigningSecretError)
    }

    /// Signs a delivery as Svix does, for demos and tests of an endpoint.
    #[must_use]
    pub fn sign(&self, message_id: &str, sent_at: SystemTime, body: &[u8]) -> SignedDelivery {
        let sent_at = since_epoch(sent_at).as_secs();
        let tag = hmac::sign(&self.0, &signed_content(message_id, sent_at, body));
        SignedDelivery {
            timestamp: sent_at.to_string(),
            signature: format!("v1,{}", STANDARD.encode(tag)),
        }
    }

    /// Whether `signature` is the base64 of the right signature. The comparison takes constant time.
    pub(super) fn verifies(
        &self,
        message_id: &str,
        sent_at: u64,
        body: &[u8],
        signature: &[u8],
    ) -> bool {
        STANDARD.decode(signature).is_ok_and(|tag| {
            let content = signed_content(message_id, sent_at, body);
            hmac::verify(&self.0, &content, &tag).is_ok()
        })
    }
}

/// The signed bytes: id, time and body, with dots between them.
fn signed_content(message_id: &str, sent_at: u64, body: &[u8]) -> Vec<u8> {
    let head = format!("{message_id}.{sent_at}.");
    [head.as_bytes(), body].concat()
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningSecret(..)")
    }
}
