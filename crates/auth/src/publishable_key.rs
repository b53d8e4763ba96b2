//! The publishable key: which Clerk instance an application belongs to.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

use crate::host::is_host_name;

/// Base64 with padding that may be missing, as Clerk's keys have it both ways.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A Clerk publishable key, `pk_test_…` or `pk_live_…`, taken apart.
///
/// It names the instance's Frontend API, and with it the issuer of its tokens and the address of
/// its keys.
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
pub enum ParsePublishableKeyError {
    /// It does not begin with `pk_test_` or `pk_live_`, or has further `_`.
    #[error("a publishable key is pk_test_ or pk_live_ and one base64 text")]
    Shape,
    /// Its last part is not base64 of ASCII text.
    #[error("the part after pk_test_ or pk_live_ is not base64")]
    Base64,
    /// What it holds does not end in the one `$` it must have.
    #[error("the decoded key must end in `$` and have no other")]
    Terminator,
    /// What it holds is no plain host name.
    #[error("the decoded key must be a lower-case host name with a dot, and nothing else")]
    Host,
}

impl PublishableKey {
    /// Takes a key apart. The host is held to strict rules, because it steers where keys are
    /// fetched from.
    ///
    /// # Errors
    ///
    /// Where the key is not one of Clerk's; the error says which rule it breaks.
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

    /// What the instance's tokens have as `iss`. Behind a proxy it stays the same: the tokens are
    /// issued by the instance.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://{}", self.frontend_host)
    }

    /// Where the instance publishes its keys.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("https://{}/.well-known/jwks.json", self.frontend_host)
    }

    /// What stands behind `__session_` in the name of the instance's own session cookie.
    #[must_use]
    pub fn cookie_suffix(&self) -> &str {
        &self.cookie_suffix
    }

    /// Whether the key is a development instance's (`pk_test_`).
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.development
    }
}

/// The first eight characters of the base64url of the key's SHA-1, as Clerk's front end names its
/// cookies. It only names: nothing is kept safe by it.
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
