//! The verifier: takes a token or a request, returns a session or one reason for the refusal.

use std::sync::Arc;

use crate::claims;
use crate::clock::{Clock, since_epoch};
use crate::credentials::{CredentialFinder, CredentialSource, Credentials};
use crate::key_source::{KeyError, KeyHealth, KeySource};
use crate::policy::Policy;
use crate::token::UnverifiedToken;
use crate::{Rejection, RequestHead, Session};

/// Verifies the session tokens of one Clerk instance. `Verifier::builder` makes one.
///
/// The [crate's documentation](crate#what-is-verified) lists what is checked, in which order.
/// Verifiers share nothing: if one process has verifiers for two instances, neither accepts the
/// other's tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    policy: Arc<Policy>,
    credentials: Arc<CredentialFinder>,
    keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
}

impl Verifier {
    pub(crate) fn new(
        policy: Policy,
        credentials: CredentialFinder,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            policy: Arc::new(policy),
            credentials: Arc::new(credentials),
            keys,
            clock,
        }
    }

    /// Finds the one token of a request and verifies it. The request is read at once: the future holds the token only, so it
    /// can go to another thread even if the body of the request cannot be shared by threads, as that of axum.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials) and [`verify_credentials`](Self::verify_credentials).
    pub fn authenticate<'a>(
        &'a self,
        head: &'a impl RequestHead,
    ) -> impl Future<Output = Result<Session, Rejection>> + Send {
        let credentials = self.credentials(head);
        async move { self.verify_credentials(credentials?).await }
    }

    /// Finds the one token of a request, without verifying it:
    ///
    /// 1. the bearer token of the `Authorization` header;
    /// 2. if there is none, and the verifier accepts
    ///    [`session_cookies`](crate::VerifierBuilder::session_cookies), the session cookie.
    ///
    /// If the bearer token is bad, a good cookie does not help. Nothing else of the request is
    /// read, in particular not its URL.
    ///
    /// # Errors
    ///
    /// - [`Rejection::SessionTokenMissing`] and [`Rejection::MalformedCredentials`] as for
    ///   [`bearer`](crate::bearer); the second also if a session cookie occurs twice.
    /// - [`Rejection::CookieCrossSite`] if a request with a cookie has a method other than `GET` and
    ///   `HEAD`, comes from another origin, or has an `Origin` that is not an authorized party.
    pub fn credentials<'a>(
        &self,
        head: &'a impl RequestHead,
    ) -> Result<Credentials<'a>, Rejection> {
        let policy = &self.policy;
        self.credentials
            .find(head, &policy.issuers, &policy.authorized_parties)
    }

    /// Verifies a session token that was sent as a bearer token.
    ///
    /// If the token's key is known, this does not wait. If not, it may wait until the key set has
    /// been fetched; the [`KeySource`] limits how long.
    ///
    /// # Errors
    ///
    /// One [`Rejection`]: the first rule that the token breaks, or that the keys are unavailable.
    pub async fn verify(&self, token: &str) -> Result<Session, Rejection> {
        self.verify_credentials(Credentials {
            token,
            source: CredentialSource::Bearer,
        })
        .await
    }

    /// Verifies what [`credentials`](Self::credentials) has found.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub async fn verify_credentials(
        &self,
        credentials: Credentials<'_>,
    ) -> Result<Session, Rejection> {
        let token = UnverifiedToken::parse(credentials.token)?;
        self.verify_signature(&token).await?;
        let claims = token.payload.as_ref().ok_or(Rejection::TokenInvalid)?;
        claims::validate(
            claims,
            token.claims_assembled_at,
            credentials.source,
            &self.policy,
            since_epoch(self.clock.now()),
        )
    }

    /// The state of this verifier's keys, for readiness checks and metrics.
    #[must_use]
    pub fn key_health(&self) -> KeyHealth {
        self.keys.health()
    }

    /// Steps 6 and 7. If the signature is wrong, the instance may have replaced the key under the
    /// same id, so the key source is asked for a newer one. The source limits how often that causes
    /// a fetch.
    async fn verify_signature(&self, token: &UnverifiedToken<'_>) -> Result<(), Rejection> {
        let key = self.keys.key(&token.key_id).await?;
        if key.verifies(token.signing_input, &token.signature) {
            return Ok(());
        }
        match self.keys.newer_key(&token.key_id, &key).await {
            Some(newer) if newer.verifies(token.signing_input, &token.signature) => Ok(()),
            Some(_) | None => Err(Rejection::InvalidSignature),
        }
    }
}

impl From<KeyError> for Rejection {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unknown => Self::KeyMismatch,
            KeyError::Unavailable { retry_after } => Self::KeysUnavailable { retry_after },
        }
    }
}
