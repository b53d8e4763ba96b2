//! Clerk session tokens, verified: a token goes in, a [`Session`] or one [`Rejection`] comes out.
//!
//! Framework-free: hand it a request's head ([`Verifier::authenticate`]), or only the values of its
//! `Authorization` headers ([`bearer`]) and the token ([`Verifier::verify`]), and turn the outcome
//! into your framework's answer ([`Rejection::kind`], [`Rejection::challenge`]).
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//!
//! use auth::{PublishableKey, Rejection, StaticKeys, Verifier, bearer, mint};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A throw-away instance. A real one has its publishable key in the dashboard, and its keys
//! // come from `RemoteKeys::spawn(&key.jwks_url())`.
//! let instance = mint::Issuer::generate()?;
//! let key = PublishableKey::parse(&instance.publishable_key())?;
//! let verifier = Verifier::builder(Arc::new(StaticKeys::from_jwks(&instance.jwks_json())?))
//!     .issuers([key.issuer()])
//!     .authorized_parties(["https://app.example.com"])
//!     .build()?;
//!
//! let token = instance.session_token(
//!     "user_2GIpXOEpVyJw51rkZn9Kmnc6Sxr",
//!     "https://app.example.com",
//!     SystemTime::now(),
//!     Duration::from_secs(60),
//! )?;
//! let header = format!("Bearer {token}");
//! let session = verifier.verify(bearer([header.as_bytes()])?).await?;
//! assert_eq!(session.user_id(), "user_2GIpXOEpVyJw51rkZn9Kmnc6Sxr");
//!
//! assert_eq!(verifier.verify("a.b").await, Err(Rejection::TokenInvalid));
//! assert_eq!(bearer([]).unwrap_err().reason(), "session-token-missing");
//! # Ok(())
//! # }
//! ```
//!
//! # What is verified
//!
//! In this order, and the first rule that is broken is the answer. Up to step 5 nothing touches the
//! network or cryptography; up to step 7 nothing is said about claims, so that a forged token
//! cannot probe the settings.
//!
//! 1. Exactly one bearer token ([`bearer`]); or, where the verifier takes
//!    [cookies](VerifierBuilder::session_cookies) and there is no bearer token, exactly one session
//!    cookie of this instance, with a request that reads and that a page of ours made
//!    ([`Verifier::credentials`]). Never anything of a request's address.
//! 2. At most [`MAX_TOKEN_BYTES`].
//! 3. Not an API key, OAuth or machine token (`ak_`, `oat_`, `mt_`, `m2m_`).
//! 4. Three non-empty segments of strict base64url, the first a JSON object without duplicate keys.
//! 5. Header: `alg` is `RS256` to the letter; no `crit`, no `b64`; `typ` absent or `JWT`; `cat`
//!    absent, of a session, or the one that says nothing; `kid` has the form of a [`KeyId`]. A
//!    `sub` of a machine is refused.
//! 6. The key of that id, from this verifier's own [`KeySource`]. Keys and addresses in the token
//!    are ignored.
//! 7. The RS256 signature, with a key of 2048 bits at least.
//! 8. The payload is a JSON object without duplicate keys; `exp`, `nbf` and `iat` are whole
//!    numbers.
//! 9. `iss` is one of the configured issuers, to the letter.
//! 10. `sub` is a user's id, and there is a `sid`.
//! 11. `aud`, where audiences are configured.
//! 12. `azp` is one of the authorized parties, to the letter. A cookie's token always has one.
//! 13. `exp`, `nbf`, `iat` against the wall clock with 5 s of skew, and `exp` − `iat` at most 10
//!     minutes.
//! 14. `sts` is not `pending`.
//!
//! Then the active organisation is read, in both forms that Clerk's tokens have, and who acts where
//! somebody plays the user ([`Session::organization`], [`Session::may`], [`Session::actor`]). What
//! cannot be read there takes permissions away and refuses nobody.
//!
//! Case by case, with the test that shows it: `tests/ACCEPTANCE.md`.
//!
//! # What is not verified
//!
//! - Whether the session has been ended since the token was made: Clerk's tokens live 60 seconds,
//!   and that is how long a sign-out can go unnoticed. Clerk tells it by webhooks, which the feature
//!   `webhooks` verifies; to keep what they say, and to hold it against a session's id, is the
//!   caller's part ([`Rejection::SessionRevoked`] is there for the answer).
//! - What the user may do. [`Session::may`] answers what the token says about the active
//!   organisation; whose a thing is, the caller knows. The role may be as old as
//!   [`Session::claims_assembled_at`].
//! - Whether a token was used before. A bearer token can be replayed until it expires, and so can a
//!   cookie.
//! - Anything about an API key, OAuth or machine token but that it is one.
//!
//! # Keys
//!
//! [`StaticKeys`] holds a PEM or a key set and never asks anybody. `RemoteKeys` (feature `remote`,
//! on by default) fetches the instance's set and keeps it, with bounds on what strangers can cause.
//! Where keys cannot be had the answer is [`Rejection::KeysUnavailable`], a 503: an outage never
//! looks like a sign-out.
//!
//! # Features
//!
//! - `remote` (default): `RemoteKeys`, over `reqwest` with rustls.
//! - `actix`: extractors for actix-web.
//! - `webhooks`: Clerk's webhooks, verified.
//! - `mint`: a throw-away issuer, for demos and tests.
//! - `test-keys`: issuers with keys that everybody knows, which are there at once. For tests only.
//!
//! The one cryptographic library is aws-lc, through `jsonwebtoken`, which is used for the signature
//! and nothing else.

#[cfg(feature = "actix")]
pub mod actix;
mod carriers;
mod claims;
mod clock;
mod config;
mod host;
mod json;
mod key;
mod key_set;
mod key_source;
#[cfg(feature = "mint")]
pub mod mint;
mod organization;
mod publishable_key;
mod rejection;
#[cfg(feature = "remote")]
pub mod remote;
mod session;
mod token;
mod verifier;
#[cfg(feature = "webhooks")]
pub mod webhooks;

pub use self::carriers::{Carrier, Credentials, RequestHead, bearer};
pub use self::clock::{Clock, SystemClock};
pub use self::config::{
    ConfigError, DEFAULT_CLOCK_SKEW_SECS, DEFAULT_MAX_LIFETIME, VerifierBuilder,
};
pub use self::key::{KeyId, ParseKeyIdError, UnusableKey, VerifyingKey};
pub use self::key_set::{KeySet, KeySetError, MAX_KEYS};
pub use self::key_source::{KeyError, KeyHealth, KeySource, StaticKeys};
pub use self::organization::{OrgRule, Organization, ParseOrgRuleError};
pub use self::publishable_key::{ParsePublishableKeyError, PublishableKey};
pub use self::rejection::{Rejection, RejectionKind};
#[cfg(feature = "remote")]
pub use self::remote::{CachePolicy, RemoteKeys};
pub use self::session::{Actor, Session};
pub use self::token::MAX_TOKEN_BYTES;
pub use self::verifier::Verifier;
