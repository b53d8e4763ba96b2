//! A throw-away issuer with its own key, which makes tokens that a [`Verifier`](crate::Verifier)
//! accepts. For demos and tests; never for anything that must be protected.

mod session_token;
#[cfg(feature = "test-keys")]
mod test_keys;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use thiserror::Error;

use crate::host::is_host_name;
use crate::{KeyId, ParseKeyIdError};

pub use self::session_token::SessionToken;
#[cfg(feature = "test-keys")]
pub use self::test_keys::TestKey;

/// Stands in for a Clerk instance: it has a Frontend API host, a key id and an RSA-2048 key pair,
/// which exists in memory only.
pub struct Issuer {
    host: String,
    key_id: KeyId,
    key: KeyPair,
}

/// Why an issuer could not be made, or could not sign.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MintError {
    /// The cryptographic library failed, for example because there is no randomness.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The host is not valid in a publishable key.
    #[error("the host must be a lower-case host name with a dot")]
    Host,
    /// The key id is not valid.
    #[error(transparent)]
    KeyId(#[from] ParseKeyIdError),
}

impl Issuer {
    /// Makes an issuer with a random name under a domain that does not exist, and with a new key.
    /// Making the key takes a good part of a second.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    pub fn generate() -> Result<Self, MintError> {
        let name = random_hex()?;
        Self::generate_as(&format!("{name}.clerk.invalid"), &format!("ins_{name}"))
    }

    /// Makes an issuer with a given name and a new key.
    ///
    /// # Errors
    ///
    /// [`MintError`], also if the host or the key id is not valid.
    pub fn generate_as(host: &str, key_id: &str) -> Result<Self, MintError> {
        Self::new(host, key_id, || {
            KeyPair::generate(KeySize::Rsa2048).map_err(crypto)
        })
    }

    /// Makes an issuer for a test: with a random name and with [`TestKey::First`], which everybody
    /// knows. This is fast. Never use it for a server that others can reach.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    #[cfg(feature = "test-keys")]
    pub fn for_tests() -> Result<Self, MintError> {
        let name = random_hex()?;
        let (host, key_id) = (format!("{name}.clerk.invalid"), format!("ins_{name}"));
        Self::for_tests_as(&host, &key_id, TestKey::First)
    }

    /// Makes an issuer for a test with a given name and key, for instance one that has rotated its
    /// key.
    ///
    /// # Errors
    ///
    /// [`MintError`], also if the host or the key id is not valid.
    #[cfg(feature = "test-keys")]
    pub fn for_tests_as(host: &str, key_id: &str, key: TestKey) -> Result<Self, MintError> {
        Self::new(host, key_id, || test_key_pair(key))
    }

    fn new(
        host: &str,
        key_id: &str,
        key: impl FnOnce() -> Result<KeyPair, MintError>,
    ) -> Result<Self, MintError> {
        if !is_host_name(host) {
            return Err(MintError::Host);
        }
        Ok(Self {
            host: host.to_owned(),
            key_id: KeyId::parse(key_id)?,
            key: key()?,
        })
    }

    /// The publishable key of this instance. It is a development instance.
    #[must_use]
    pub fn publishable_key(&self) -> String {
        format!("pk_test_{}", STANDARD.encode(format!("{}$", self.host)))
    }

    /// The `iss` of this instance's tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The id of this instance's key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        self.key_id.as_str()
    }

    /// The key set as a JWKS document, as the instance would publish it.
    #[must_use]
    pub fn jwks_json(&self) -> String {
        json!({ "keys": [self.jwk()] }).to_string()
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(self.key.public_key());
        json!({
            "use": "sig",
            "kty": "RSA",
            "kid": self.key_id.as_str(),
            "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// The public key as a PEM with lines of 64 characters.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    pub fn public_pem(&self) -> Result<String, MintError> {
        let der: PublicKeyX509Der<'_> = self.key.public_key().as_der().map_err(crypto)?;
        let base64 = STANDARD.encode(der.as_ref());
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (position, letter) in base64.chars().enumerate() {
            if position > 0 && position % 64 == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        Ok(pem)
    }

    /// Makes a session token with an origin and no organisation: the usual one. `authorized_party` is the origin that the
    /// token is for.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    pub fn session_token(
        &self,
        user_id: &str,
        authorized_party: &str,
        now: SystemTime,
        lifetime: Duration,
    ) -> Result<String, MintError> {
        let token = SessionToken::new(user_id)
            .authorized_party(authorized_party)
            .issued_at(now)
            .lifetime(lifetime);
        self.sign_session(&token)
    }

    /// Signs a session token, under a new session id.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    pub fn sign_session(&self, token: &SessionToken) -> Result<String, MintError> {
        let header = json!({
            "alg": "RS256",
            "cat": "cl_B7d4PD111AAA",
            "kid": self.key_id.as_str(),
            "oiat": token.issued_at_secs(),
            "typ": "JWT",
        });
        let mut claims = token.claims();
        claims["iss"] = Value::from(self.issuer());
        claims["jti"] = Value::from(random_hex()?);
        claims["sid"] = Value::from(format!("sess_{}", random_hex()?));
        self.sign(&header.to_string(), &claims.to_string())
    }

    /// Signs a header and a payload without looking at them, so also malformed ones.
    ///
    /// # Errors
    ///
    /// [`MintError::Crypto`].
    pub fn sign(&self, header: &str, payload: &str) -> Result<String, MintError> {
        let signing_input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        let signed = self.key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signing_input.as_bytes(),
            &mut signature,
        );
        signed.map_err(crypto)?;
        Ok(format!(
            "{signing_input}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}

/// Shows only the host, which is public.
impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "test-keys")]
fn test_key_pair(key: TestKey) -> Result<KeyPair, MintError> {
    let base64: String = key.pkcs8().split_whitespace().collect();
    let der = STANDARD.decode(base64).map_err(|_| MintError::Crypto)?;
    KeyPair::from_pkcs8(&der).map_err(|_| MintError::Crypto)
}

/// The library says nothing of what it cannot do.
const fn crypto(_: Unspecified) -> MintError {
    MintError::Crypto
}

fn random_hex() -> Result<String, MintError> {
    let mut bytes = [0_u8; 12];
    rand::fill(&mut bytes).map_err(crypto)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
