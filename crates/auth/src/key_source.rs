//! Where keys come from: the seam between the verifier and the world, and the source that never
//! changes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::config::ConfigError;
use crate::{KeyId, KeySet, VerifyingKey};

/// Hands out the public keys of one Clerk instance.
///
/// 1. A source belongs to one instance and one verifier. It MUST NOT answer with a key of another
///    instance.
/// 2. "There is no such key" and "the keys cannot be had" MUST be told apart: the first is a 401,
///    the second a 503.
/// 3. A call whose key is known MUST NOT wait.
/// 4. A call may be dropped at any moment; that MUST NOT disturb other calls.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The key of this id.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unknown`] where the instance has no such key, [`KeyError::Unavailable`] where
    /// that cannot be said now.
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError>;

    /// A key that the instance has put in the place of `refused` under the same id; asked when a
    /// signature does not hold. Anybody can cause that at will, so a source MUST bound what it does
    /// about it. By default there is none.
    async fn newer_key(&self, _id: &KeyId, _refused: &VerifyingKey) -> Option<VerifyingKey> {
        None
    }

    /// The state of the source, for readiness and gauges. By default: ready, and nothing counted.
    fn health(&self) -> KeyHealth {
        KeyHealth {
            ready: true,
            ..KeyHealth::default()
        }
    }
}

/// Why a [`KeySource`] has no key to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The instance has no such key.
    #[error("the instance has no such key")]
    Unknown,
    /// The keys cannot be had.
    #[error("the key set cannot be reached")]
    Unavailable {
        /// When to try again; whole seconds, at least one.
        retry_after: Duration,
    },
}

/// The state of a [`KeySource`] at a moment. The counts are since it was made, and only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHealth {
    /// Whether tokens can be verified now.
    pub ready: bool,
    /// How long ago the keys were last fetched; `None` where they never were.
    pub age: Option<Duration>,
    /// How many keys there are.
    pub keys: usize,
    /// Fetches that brought a usable set.
    pub refreshes: u64,
    /// Fetches that did not.
    pub failed_refreshes: u64,
    /// Tokens whose key was not in the set at hand.
    pub unknown_key_ids: u64,
    /// Tokens verified with keys that should have been fetched anew by then.
    pub served_stale: u64,
}

/// Keys that are known from the start and never change: nothing is fetched.
///
/// A rotated key needs a restart with the new one.
#[derive(Clone, Debug)]
pub struct StaticKeys(Keys);

#[derive(Clone, Debug)]
enum Keys {
    /// One key for every id: a PEM names none.
    Any(VerifyingKey),
    Set(KeySet),
}

impl StaticKeys {
    /// One key from a PEM, in any of the forms of [`VerifyingKey::from_pem`]. It stands for every
    /// key id, as in Clerk's own SDKs: a PEM does not say which one is its own.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] that says what is wrong with the text; the text is not repeated.
    pub fn from_pem(pem: &str) -> Result<Self, ConfigError> {
        match VerifyingKey::from_pem(pem) {
            Ok(key) => Ok(Self(Keys::Any(key))),
            Err(error) => Err(ConfigError::new("pem", error.to_string())),
        }
    }

    /// The usable keys of a JWKS document.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where it is none, or has no usable key.
    pub fn from_jwks(json: &str) -> Result<Self, ConfigError> {
        let set = KeySet::from_jwks(json.as_bytes())
            .map_err(|error| ConfigError::new("jwks", error.to_string()))?;
        if set.left_out() > 0 {
            tracing::warn!(
                usable = set.usable(),
                left_out = set.left_out(),
                "keys of the set cannot be used"
            );
        }
        Ok(Self(Keys::Set(set)))
    }
}

#[async_trait]
impl KeySource for StaticKeys {
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError> {
        match &self.0 {
            Keys::Any(key) => Ok(key.clone()),
            Keys::Set(set) => set.get(id).cloned().ok_or(KeyError::Unknown),
        }
    }

    fn health(&self) -> KeyHealth {
        KeyHealth {
            ready: true,
            keys: match &self.0 {
                Keys::Any(_) => 1,
                Keys::Set(set) => set.usable(),
            },
            ..KeyHealth::default()
        }
    }
}
