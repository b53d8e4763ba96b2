//! Verifies Clerk's webhooks, which report sessions that end before their tokens expire.
//!
//! Clerk sends them through Svix: an id, a time and a body, signed with a secret that both sides
//! know (HMAC-SHA256). [`Webhooks::verify`] checks the signature, the time and the form, and returns
//! a [`WebhookEvent`] that says who has lost access.
//!
//! ```
//! use auth::webhooks::{SigningSecret, WebhookEvent, WebhookHeaders, Webhooks};
//! # use std::time::SystemTime;
//!
//! let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! # let body = br#"{"object":"event","type":"session.revoked","data":{"id":"sess_a","user_id":"user_a"}}"#;
//! # let signed = secret.sign("msg_1", SystemTime::now(), body);
//! # let (timestamp, signature) = (signed.timestamp.as_bytes(), signed.signature.as_bytes());
//! let webhooks = Webhooks::new([secret])?;
//!
//! // The values of the request's `svix-id`, `svix-timestamp` and `svix-signature`.
//! let headers = WebhookHeaders {
//!     id: b"msg_1",
//!     timestamp,
//!     signature,
//! };
//! let delivery = webhooks.verify(headers, body)?;
//! assert!(matches!(delivery.event, WebhookEvent::SessionEnded { session_id, .. } if session_id == "sess_a"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Replays
//!
//! Anybody who has seen a delivery can send it again until its time is too old. The verifier stores
//! nothing, so the application must prevent that: store [`Delivery::message_id`] for
//! [`Delivery::remember_for`] in a place that all processes share, and ignore a delivery whose id is
//! already there. Store the id only after the event has been handled: Svix repeats a failed delivery
//! with the same id.

mod event;
mod secret;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use self::event::WebhookEvent;
pub use self::secret::{ParseSigningSecretError, SignedDelivery, SigningSecret};

use crate::clock::{Clock, SystemClock, since_epoch};
use crate::config_error::ConfigError;

/// How far the time of a delivery may differ from ours, in the past or in the future.
pub const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Largest body that is accepted, in bytes. A user's event may contain much metadata.
pub const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// Largest number of signatures of one delivery that are checked. Svix sends one for each secret in
/// use.
const MAX_SIGNATURES: usize = 16;

/// Longest id of a message, in bytes. Svix's own have about 31.
const MAX_MESSAGE_ID_BYTES: usize = 128;

/// Verifies the webhooks of one endpoint.
#[derive(Clone, Debug)]
pub struct Webhooks {
    secrets: Vec<SigningSecret>,
    clock: Arc<dyn Clock>,
}

/// The values of the three headers of a delivery. Use an empty value for a header that is missing or
/// that occurs twice.
#[derive(Clone, Copy, Debug)]
pub struct WebhookHeaders<'a> {
    /// `svix-id`.
    pub id: &'a [u8],
    /// `svix-timestamp`.
    pub timestamp: &'a [u8],
    /// `svix-signature`.
    pub signature: &'a [u8],
}

/// A verified delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The message's id. It is the same each time this message is delivered, so store it against
    /// replays. At most 128 visible ASCII characters.
    pub message_id: String,
    /// How long to store the id: the same bytes would be accepted again for that long.
    pub remember_for: Duration,
    /// What happened.
    pub event: WebhookEvent,
}

/// Why a delivery is refused. The texts are constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// A header is missing or malformed.
    #[error("The webhook's headers are missing or malformed")]
    MalformedHeaders,
    /// The time is more than [`TIMESTAMP_TOLERANCE`] away.
    #[error("The webhook's time is too far from ours")]
    TimestampOutOfRange,
    /// The body is larger than [`MAX_WEBHOOK_BYTES`].
    #[error("The webhook's body is too large")]
    TooLarge,
    /// No signature is right under any secret.
    #[error("The webhook's signature does not hold")]
    InvalidSignature,
    /// The signature is right, but the body is not an event of Clerk's, or it says that something has
    /// ended and not what.
    #[error("The webhook's body is not an event")]
    InvalidEvent,
}

impl Webhooks {
    /// Takes the secrets of the endpoint. While one is being replaced there are two, and a signature
    /// under either is accepted.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is no secret.
    pub fn new(secrets: impl IntoIterator<Item = SigningSecret>) -> Result<Self, ConfigError> {
        let secrets: Vec<_> = secrets.into_iter().collect();
        if secrets.is_empty() {
            return Err(ConfigError::new(
                "webhook_secrets",
                "at least one is required",
            ));
        }
        Ok(Self {
            secrets,
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the wall clock, by default the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Verifies a delivery: first the headers, then the time, the signature, and last the body.
    /// `body` must be exactly the bytes of the request.
    ///
    /// # Errors
    ///
    /// One [`WebhookError`].
    pub fn verify(
        &self,
        headers: WebhookHeaders<'_>,
        body: &[u8],
    ) -> Result<Delivery, WebhookError> {
        let message_id = message_id(headers.id)?;
        let sent_at = timestamp(headers.timestamp)?;
        let remember_for = self.remember_for(sent_at)?;
        if body.len() > MAX_WEBHOOK_BYTES {
            return Err(WebhookError::TooLarge);
        }
        if !self.is_signed(message_id, sent_at, headers.signature, body) {
            return Err(WebhookError::InvalidSignature);
        }
        let event = WebhookEvent::parse(body).ok_or(WebhookError::InvalidEvent)?;
        Ok(Delivery {
            message_id: message_id.to_owned(),
            remember_for,
            event,
        })
    }

    /// How long, from now, a delivery with this time is accepted.
    fn remember_for(&self, sent_at: u64) -> Result<Duration, WebhookError> {
        let (now, sent_at) = (since_epoch(self.clock.now()), Duration::from_secs(sent_at));
        if sent_at.abs_diff(now) > TIMESTAMP_TOLERANCE {
            return Err(WebhookError::TimestampOutOfRange);
        }
        // One second more, for callers that round down to whole seconds.
        Ok((sent_at + TIMESTAMP_TOLERANCE + Duration::from_secs(1)).saturating_sub(now))
    }

    /// Whether any signature of version 1 is right under any secret.
    fn is_signed(&self, id: &str, sent_at: u64, signatures: &[u8], body: &[u8]) -> bool {
        signatures
            .split(|&byte| byte == b' ')
            .take(MAX_SIGNATURES)
            .filter_map(|signature| signature.strip_prefix(b"v1,"))
            .any(|signature| {
                self.secrets
                    .iter()
                    .any(|secret| secret.verifies(id, sent_at, body, signature))
            })
    }
}

impl WebhookError {
    /// The HTTP status of the answer: 400, 401 for a wrong signature, 413 for a large body. Svix
    /// tries again after each of them.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedHeaders | Self::TimestampOutOfRange | Self::InvalidEvent => 400,
            Self::InvalidSignature => 401,
            Self::TooLarge => 413,
        }
    }

    /// The reason's name.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::MalformedHeaders => "webhook-malformed-headers",
            Self::TimestampOutOfRange => "webhook-timestamp-out-of-range",
            Self::TooLarge => "webhook-too-large",
            Self::InvalidSignature => "webhook-invalid-signature",
            Self::InvalidEvent => "webhook-invalid-event",
        }
    }
}

/// Checks the id of a message. The signed text has a dot after the id, so the id must not contain
/// one: otherwise one signed text could be split in two ways.
fn message_id(id: &[u8]) -> Result<&str, WebhookError> {
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'.';
    let holds = (1..=MAX_MESSAGE_ID_BYTES).contains(&id.len()) && id.iter().all(is_plain);
    str::from_utf8(id)
        .ok()
        .filter(|_| holds)
        .ok_or(WebhookError::MalformedHeaders)
}

/// Reads a time in seconds since the Unix epoch. Only the canonical decimal text is accepted,
/// because the text is what was signed.
fn timestamp(timestamp: &[u8]) -> Result<u64, WebhookError> {
    str::from_utf8(timestamp)
        .ok()
        .and_then(|text| Some((text, text.parse::<u64>().ok()?)))
        .filter(|(text, seconds)| seconds.to_string() == *text)
        .map(|(_, seconds)| seconds)
        .ok_or(WebhookError::MalformedHeaders)
}
