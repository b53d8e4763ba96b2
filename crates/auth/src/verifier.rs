//! The verifier: a token goes in, a session or one reason comes out.

use std::sync::Arc;
use std::time::Duration;

use crate::carriers::{Carrier, Carriers, Credentials, RequestHead};
use crate::clock::{Clock, since_epoch};
use crate::config::VerifierBuilder;
use crate::key_source::{KeyError, KeyHealth, KeySource};
use crate::token::UnverifiedToken;
use crate::{Rejection, Session, claims};

/// Verifies the session tokens of one Clerk instance.
///
/// What is checked, and in which order, is in the [crate's documentation](crate#what-is-verified).
/// A verifier shares nothing with any other: two instances in one process cannot vouch for each
/// other's tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    policy: Arc<Policy>,
    keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
}

/// What a verified token must say.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) issuers: Vec<String>,
    pub(crate) authorized_parties: Vec<String>,
    /// Empty: `aud` is not looked at.
    pub(crate) audiences: Vec<String>,
    pub(crate) clock_skew: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) allow_missing_azp: bool,
    pub(crate) accept_pending: bool,
    pub(crate) carriers: Carriers,
}

impl Verifier {
    /// Begins a verifier that takes its keys from `keys`.
    pub fn builder(keys: Arc<dyn KeySource>) -> VerifierBuilder {
        VerifierBuilder::new(keys)
    }

    pub(crate) fn new(policy: Policy, keys: Arc<dyn KeySource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            policy: Arc::new(policy),
            keys,
            clock,
        }
    }

    /// Finds the one credential of a request and verifies it: who asks, or one reason why not.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials) and [`verify_credentials`](Self::verify_credentials).
    pub async fn authenticate(&self, head: &impl RequestHead) -> Result<Session, Rejection> {
        let credentials = self.credentials(head)?;
        self.verify_credentials(credentials).await
    }

    /// Finds the one credential of a request: the bearer token of its `Authorization` header, or,
    /// where there is none and the verifier has
    /// [`session_cookies`](VerifierBuilder::session_cookies), the session cookie. A bearer token
    /// that turns out bad is not made up for by a good cookie. Nothing else of a request is looked
    /// at, its address least of all.
    ///
    /// # Errors
    ///
    /// [`Rejection::SessionTokenMissing`] and [`Rejection::MalformedCredentials`] as
    /// [`bearer`](crate::bearer) has them, the latter also where a session cookie occurs twice;
    /// [`Rejection::CookieCrossSite`] where a cookie comes with a method other than `GET` and
    /// `HEAD`, from another origin than the request's, or with an `Origin` that is no authorized
    /// party.
    pub fn credentials<'a>(
        &self,
        head: &'a impl RequestHead,
    ) -> Result<Credentials<'a>, Rejection> {
        let Policy {
            issuers,
            authorized_parties,
            carriers,
            ..
        } = &*self.policy;
        carriers.find(head, issuers, authorized_parties)
    }

    /// Verifies a session token that came as a bearer token.
    ///
    /// A token whose key is known is answered without waiting for anything. One whose key is not
    /// may wait for a fetch of the key set, at most as long as the [`KeySource`] lets it.
    ///
    /// # Errors
    ///
    /// One [`Rejection`]: the first rule that the token breaks, or that the keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Session, Rejection> {
        self.verify_credentials(Credentials {
            token,
            carrier: Carrier::Bearer,
        })
        .await
    }

    /// Verifies what [`credentials`](Self::credentials) found.
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
        claims::judge(
            claims,
            token.claims_assembled_at,
            credentials.carrier,
            &self.policy,
            since_epoch(self.clock.now()),
        )
    }

    /// The state of the keys behind this verifier, for readiness and gauges.
    #[must_use]
    pub fn key_health(&self) -> KeyHealth {
        self.keys.health()
    }

    /// Steps 6 and 7. A signature that does not hold under the key of its id gets a second look
    /// where the instance may have replaced that key under the same id; the key source bounds how
    /// often.
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
