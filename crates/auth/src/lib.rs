//! Verifies Clerk session tokens. The result is a [`Session`] or one [`Rejection`].
//!
//! It does not depend on a web framework. Either pass it the head of a request
//! ([`Verifier::authenticate`]), or find the token in the `Authorization` headers ([`bearer`]) and
//! pass it that ([`Verifier::verify`]). Then turn a rejection into an answer of your framework
//! ([`Rejection::kind`], [`Rejection::challenge`]).
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//!
//! use auth::{PublishableKey, Rejection, StaticKeys, Verifier, bearer, mint};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A throw-away instance. The publishable key of a real one is in Clerk's dashboard, and its
//! // keys come from `RemoteKeys::spawn(&key.jwks_url())`.
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
//! The rules are checked in this order, and the answer is the first rule that is broken. Steps 1 to
//! 5 use neither the network nor cryptography. Steps 1 to 7 say nothing about claims, so a forged
//! token cannot probe the settings.
//!
//! 1. The request has exactly one bearer token ([`bearer`]). Or it has no bearer token, the verifier
//!    accepts [cookies](VerifierBuilder::session_cookies), and the request has exactly one session
//!    cookie of this instance, is a read, and was made by one of our own pages
//!    ([`Verifier::credentials`]). A request's URL is never read.
//! 2. The token has at most [`MAX_TOKEN_BYTES`].
//! 3. It is not an API key, OAuth or machine token (`ak_`, `oat_`, `mt_`, `m2m_`).
//! 4. It is three non-empty segments of strict base64url. The first is a JSON object without
//!    duplicate keys.
//! 5. In the header, `alg` is exactly `RS256`; there is no `crit` and no `b64`; `typ` is absent or
//!    `JWT`; `cat` is absent, a session's, or the value that says nothing about the class; `kid` has
//!    the form of a [`KeyId`]. The `sub` of a machine is refused.
//! 6. This verifier's own [`KeySource`] has the key with that id. Keys and URLs in the token are
//!    ignored.
//! 7. The RS256 signature is right, under a key of at least 2048 bits.
//! 8. The payload is a JSON object without duplicate keys; `exp`, `nbf` and `iat` are whole
//!    numbers.
//! 9. `iss` is exactly one of the configured issuers.
//! 10. `sub` is the id of a user, and there is a `sid`.
//! 11. `aud` is one of the configured audiences, if there are any.
//! 12. `azp` is exactly one of the authorized parties. A token from a cookie must have one.
//! 13. `exp`, `nbf` and `iat` agree with the wall clock, with 5 s of skew, and `exp` − `iat` is at
//!     most 10 minutes.
//! 14. `sts` is not `pending`.
//!
//! Then the active organisation is read, from the claims of both token versions, and who acts if
//! somebody impersonates the user ([`Session::organization`],
//! [`Session::actor`]). If these claims cannot be read, the user has fewer permissions, but the token
//! is not refused.
//!
//! `tests/ACCEPTANCE.md` lists all cases and the test of each.
//!
//! # What is not verified
//!
//! - Whether the session was ended after the token was made. Clerk's tokens live 60 seconds, so a
//!   sign-out can go unnoticed for that long. Clerk reports ended sessions by webhooks, which the
//!   feature `webhooks` verifies. The application must store them and compare each session's id with
//!   them ([`Rejection::SessionRevoked`] is for that answer).
//! - What the user may do. [`Session::organization`] only tells what the token says about the active
//!   organisation; the application knows who owns what. The role may be as old as
//!   [`Session::claims_assembled_at`].
//! - Whether a token was used before. Bearer tokens and cookies can be replayed until they expire.
//! - API keys, OAuth tokens and machine tokens. They are recognised and refused.
//!
//! # Keys
//!
//! [`StaticKeys`] contains a PEM or a key set and never uses the network. `RemoteKeys` (feature
//! `remote`, on by default) fetches the instance's key set and caches it; it limits the number of
//! fetches that strangers can cause. If keys are unavailable, the answer is
//! [`Rejection::KeysUnavailable`], a 503: an outage never looks like a sign-out.
//!
//! # Features
//!
//! - `remote` (default): `RemoteKeys`, over `reqwest` with rustls.
//! - `actix`: extractors for actix-web.
//! - `http`: the requests and responses of the `http` crate, for axum, tower and hyper.
//! - `webhooks`: verification of Clerk's webhooks.
//! - `mint`: a throw-away issuer, for demos and tests.
//! - `test-keys`: throw-away issuers with fixed keys that everybody knows. For tests only.
//!
//! # Crypto provider
//!
//! The only cryptographic library is `aws-lc-rs`, called directly. The crate sets no default provider of the process,
//! needs none for tokens, and switches on no backend of `jsonwebtoken`: a host may use `jsonwebtoken` with the backend it
//! likes. `remote` fetches keys over rustls: it uses the process's default provider, and aws-lc where there is none.

#[cfg(feature = "actix")]
pub mod actix;
mod builder;
mod claims;
mod clock;
mod config_error;
mod credentials;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod ids;
mod json;
mod key;
mod key_set;
mod key_source;
#[cfg(feature = "mint")]
pub mod mint;
mod organization;
mod policy;
mod publishable_key;
mod rejection;
#[cfg(feature = "remote")]
pub mod remote;
mod request_head;
mod session;
mod token;
mod verifier;
#[cfg(feature = "webhooks")]
pub mod webhooks;

pub use self::builder::{DEFAULT_CLOCK_SKEW_SECS, DEFAULT_MAX_LIFETIME, VerifierBuilder};
pub use self::clock::{Clock, SystemClock};
pub use self::config_error::ConfigError;
pub use self::credentials::{CredentialSource, Credentials, bearer};
pub use self::key::{KeyId, ParseKeyIdError, UnusableKey, VerifyingKey};
pub use self::key_set::{KeySet, KeySetError, MAX_KEYS};
pub use self::key_source::{KeyError, KeyHealth, KeySource, StaticKeys};
pub use self::organization::Organization;
pub use self::publishable_key::{ParsePublishableKeyError, PublishableKey};
pub use self::rejection::{Rejection, RejectionKind};
#[cfg(feature = "remote")]
pub use self::remote::{CachePolicy, RemoteKeys};
pub use self::request_head::RequestHead;
pub use self::session::{Actor, Session};
pub use self::token::MAX_TOKEN_BYTES;
pub use self::verifier::Verifier;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
