//! A JSON Web Key Set (RFC 7517): the usable keys of a JWKS document.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::{KeyId, VerifyingKey};

/// Largest number of keys in a set. Clerk's sets have one, or two during a rotation.
pub const MAX_KEYS: usize = 32;

/// The usable keys of a set, by id.
///
/// A key that is broken, or has another purpose, is left out and the others are used: one odd key
/// must not lock everybody out. If two usable keys have the same id, both are left out, because
/// there is no way to tell which one is right.
#[derive(Clone)]
pub struct KeySet {
    keys: HashMap<KeyId, VerifyingKey>,
    left_out: usize,
}

/// Why a key set cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// It is not a JSON object with an array `keys`.
    #[error("it is not a JSON object with an array `keys`")]
    Shape,
    /// It has more than [`MAX_KEYS`] keys.
    #[error("it has more than 32 keys")]
    TooMany,
    /// None of its keys can verify an RS256 signature.
    #[error("none of its keys can be used")]
    NoUsableKey,
}

impl KeySet {
    /// Reads a set.
    ///
    /// # Errors
    ///
    /// [`KeySetError`] if it is not a key set, or has no usable key.
    pub fn from_jwks(json: &[u8]) -> Result<Self, KeySetError> {
        let set: Value = serde_json::from_slice(json).map_err(|_| KeySetError::Shape)?;
        let members = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or(KeySetError::Shape)?;
        if members.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        // The entry of an id that occurs twice stays `None`, so that a third key does not restore it.
        let mut slots = HashMap::new();
        for (id, key) in members.iter().filter_map(usable) {
            match slots.entry(id) {
                Entry::Vacant(slot) => {
                    slot.insert(Some(key));
                }
                Entry::Occupied(mut slot) => {
                    slot.insert(None);
                }
            }
        }
        let keys: HashMap<_, _> = slots
            .into_iter()
            .filter_map(|(id, key)| Some((id, key?)))
            .collect();
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey);
        }
        let left_out = members.len().saturating_sub(keys.len());
        Ok(Self { keys, left_out })
    }

    /// The key with this id.
    #[must_use]
    pub fn get(&self, id: &KeyId) -> Option<&VerifyingKey> {
        self.keys.get(id)
    }

    /// How many keys can be used: at least one.
    #[must_use]
    pub fn usable(&self) -> usize {
        self.keys.len()
    }

    /// How many keys were left out: broken, for another purpose, or with the same id.
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.left_out
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeySet")
            .field("usable", &self.usable())
            .field("left_out", &self.left_out)
            .finish()
    }
}

/// Reads a key that may verify RS256 signatures: RSA, for signatures, and for no other algorithm.
fn usable(member: &Value) -> Option<(KeyId, VerifyingKey)> {
    let text = |name| member.get(name).map(Value::as_str);
    let is_rsa = text("kty") == Some(Some("RSA"));
    let is_for_signatures = matches!(text("use"), None | Some(Some("sig")));
    let is_for_rs256 = matches!(text("alg"), None | Some(Some("RS256")));
    let may_verify = member.get("key_ops").is_none_or(|operations| {
        operations
            .as_array()
            .is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
    });
    if !(is_rsa && is_for_signatures && is_for_rs256 && may_verify) {
        return None;
    }
    let id = KeyId::parse(text("kid")??).ok()?;
    let key = VerifyingKey::from_jwk_members(text("n")??, text("e")??).ok()?;
    Some((id, key))
}
