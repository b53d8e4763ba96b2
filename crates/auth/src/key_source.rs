//! Where a verifier gets its keys from: the trait, and the implementation with keys that never
//! change.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::config_error::ConfigError;
use crate::{KeyId, KeySet, VerifyingKey};

/// Provides the public keys of one Clerk instance.
///
/// 1. A source belongs to one instance and one verifier. It MUST NOT return a key of another
///    instance.
/// 2. It MUST distinguish "there is no such key" from "the keys are unavailable": the first is
///    answered with 401, the second with 503.
/// 3. A call for a known key MUST NOT wait.
/// 4. A call may be dropped at any moment; that MUST NOT disturb other calls.
#[async_trait]
pub trait KeySource: fmt::Debug + Send + Sync {
    /// The key with this id.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unknown`] if the instance has no such key, [`KeyError::Unavailable`] if the
    /// source cannot know that now.
    async fn key(&self, id: &KeyId) -> Result<VerifyingKey, KeyError>;

    /// The key that has replaced `refused` under the same id, if there is one. The verifier asks for
    /// it when a signature is wrong. Anybody can cause that call, so a source MUST limit the work
    /// that it does for it. By default there is none.
    async fn newer_key(&self, _id: &KeyId, _refused: &VerifyingKey) -> Option<VerifyingKey> {
        None
    }

    /// The state of the source, for readiness checks and metrics. By default it is ready and all
    /// counts are zero.
    fn health(&self) -> KeyHealth {
        KeyHealth {
            ready: true,
            ..KeyHealth::default()
        }
    }
}

/// Why a [`KeySource`] returns no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The instance has no such key.
    #[error("the instance has no such key")]
    Unknown,
    /// The keys are unavailable.
    #[error("the key set cannot be reached")]
    Unavailable {
        /// How long to wait before trying again: whole seconds, at least one.
        retry_after: Duration,
    },
}

/// The state of a [`KeySource`]. The counts begin at zero when it is made, and only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHealth {
    /// Whether tokens can be verified now.
    pub ready: bool,
    /// Time since the keys were last fetched; `None` if they never were.
    pub age: Option<Duration>,
    /// How many keys there are.
    pub keys: usize,
    /// Fetches that returned a usable set.
    pub refreshes: u64,
    /// Fetches that did not.
    pub failed_refreshes: u64,
    /// Tokens whose key was not in the set.
    pub unknown_key_ids: u64,
    /// Tokens verified with keys that were due to be fetched again.
    pub served_stale: u64,
}

/// Keys that are known at start and never change: nothing is fetched.
///
/// After a key rotation, the process must be restarted with the new key.
#[derive(Clone, Debug)]
pub struct StaticKeys(Keys);

#[derive(Clone, Debug)]
enum Keys {
    /// One key for every id: a PEM does not contain an id.
    Any(VerifyingKey),
    Set(KeySet),
}

impl StaticKeys {
    /// One key from a PEM, in any of the forms of [`VerifyingKey::from_pem`]. It is used for every
    /// key id, as in Clerk's own SDKs: a PEM does not contain an id.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] that says what is wrong with the text, without repeating it.
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
    /// [`ConfigError`] if it is not a JWKS document, or has no usable key.
    pub fn from_jwks(json: &str) -> Result<Self, ConfigError> {
        let set = KeySet::from_jwks(json.as_bytes())
            .map_err(|error| ConfigError::new("jwks", error.to_string()))?;
        if set.left_out() > 0 {
            tracing::warn!(
                usable = set.usable(),
                left_out = set.left_out(),
                "some keys of the set cannot be used"
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
