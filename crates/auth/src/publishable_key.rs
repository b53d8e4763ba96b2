//! The publishable key, which names the Clerk instance of an application.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use crate::host::is_host_name;

/// Base64 with optional padding: Clerk's keys come with and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A parsed Clerk publishable key, `pk_test_…` or `pk_live_…`.
///
/// It contains the host of the instance's Frontend API. The issuer of the tokens and the URL of the
/// keys follow from that.
///
/// ```
/// let key = auth::PublishableKey::parse("pk_test_Zm9vLWJhci0xMy5jbGVyay5hY2NvdW50cy5kZXYk")?;
/// assert_eq!(key.issuer(), "https://foo-bar-13.clerk.accounts.dev");
/// # Ok::<(), auth::ParsePublishableKeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublishableKey {
    frontend_host: String,
    development: bool,
    cookie_suffix: String,
}

/// What is wrong with a publishable key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParsePublishableKeyError {
    /// It does not begin with `pk_test_` or `pk_live_`, or has another `_` after that.
    #[error("a publishable key is pk_test_ or pk_live_ and one base64 text")]
    Shape,
    /// Its last part is not base64 of ASCII text.
    #[error("the part after pk_test_ or pk_live_ is not base64")]
    Base64,
    /// The decoded text does not end in `$`, or has another `$`.
    #[error("the decoded key must end in `$` and have no other")]
    Terminator,
    /// The decoded text is not a plain host name.
    #[error("the decoded key must be a lower-case host name with a dot, and nothing else")]
    Host,
}

impl PublishableKey {
    /// Parses a key. The rules for the host are strict, because keys are fetched from it.
    ///
    /// # Errors
    ///
    /// If the key is not one of Clerk's; the error says which rule it breaks.
    pub fn parse(key: &str) -> Result<Self, ParsePublishableKeyError> {
        let mut parts = key.split('_');
        let (Some("pk"), Some(environment), Some(encoded), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ParsePublishableKeyError::Shape);
        };
        let development = match environment {
            "test" => true,
            "live" => false,
            _ => return Err(ParsePublishableKeyError::Shape),
        };
        let decoded = BASE64
            .decode(encoded)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(ParsePublishableKeyError::Base64)?;
        let host = decoded
            .strip_suffix('$')
            .filter(|host| !host.contains('$'))
            .ok_or(ParsePublishableKeyError::Terminator)?;
        if !is_host_name(host) {
            return Err(ParsePublishableKeyError::Host);
        }
        Ok(Self {
            frontend_host: host.to_owned(),
            development,
            cookie_suffix: cookie_suffix(key),
        })
    }

    /// The host of the instance's Frontend API.
    #[must_use]
    pub fn frontend_host(&self) -> &str {
        &self.frontend_host
    }

    /// The `iss` of the instance's tokens. A proxy does not change it: the instance issues the
    /// tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://{}", self.frontend_host)
    }

    /// The URL of the instance's public keys.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("https://{}/.well-known/jwks.json", self.frontend_host)
    }

    /// The part after `__session_` in the name of the instance's own session cookie.
    #[must_use]
    pub fn cookie_suffix(&self) -> &str {
        &self.cookie_suffix
    }

    /// Whether the key belongs to a development instance (`pk_test_`).
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.development
    }
}

/// The first eight characters of the base64url of the key's SHA-1: Clerk's front end names its
/// cookies like that. It is only a name; no secret depends on it.
fn cookie_suffix(key: &str) -> String {
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    let mut suffix = URL_SAFE_NO_PAD.encode(digest);
    suffix.truncate(8);
    suffix
}

impl FromStr for PublishableKey {
    type Err = ParsePublishableKeyError;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        Self::parse(key)
    }
}
