//! The permissions of a member, kept in the form of the token: a list (version 1), or features with
//! a bit for each permission name (version 2).
//!
//! Version 2 claims of a few kilobytes can encode hundreds of thousands of permissions, so they are
//! never expanded into a list.

use serde_json::Value;

/// Largest number of permission names that a mask has bits for.
const MAX_NAMES: usize = 128;

/// Number of decimal digits of the largest mask.
const MAX_MASK_DIGITS: usize = 39;

/// The permissions of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Permissions {
    /// Version 1: a list of whole permissions.
    List(Vec<String>),
    /// Version 2: the names of permissions, and for each feature of the organisation a mask of the
    /// names that are granted.
    Masks {
        names: Vec<String>,
        features: Vec<(String, u128)>,
    },
}

impl Default for Permissions {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Permissions {
    /// Reads the list of version 1; empty if the claim is anything but a list of texts.
    pub(super) fn from_list(claim: Option<&Value>) -> Self {
        let listed = claim.and_then(Value::as_array).and_then(|permissions| {
            let permission = |value: &Value| Some(value.as_str()?.to_owned());
            permissions.iter().map(permission).collect()
        });
        Self::List(listed.unwrap_or_default())
    }

    /// Reads the three claims of version 2. There is one mask for each feature of `fea`, including
    /// the user's own features, as Clerk documents it. `None` if any part cannot be read: half a
    /// claim might grant what the whole claim does not.
    pub(super) fn from_masks(features: &str, names: &str, masks: &str) -> Option<Self> {
        let names: Vec<String> = names
            .split(',')
            .map(|name| is_name(name).then(|| name.to_owned()))
            .collect::<Option<_>>()?;
        if names.len() > MAX_NAMES || features.split(',').count() != masks.split(',').count() {
            return None;
        }
        let mut granted = Vec::new();
        for (feature, mask) in features.split(',').zip(masks.split(',')) {
            let (scope, feature) = feature.split_once(':')?;
            let mask = parse_mask(mask)?;
            let scope_holds = !scope.is_empty() && scope.bytes().all(|byte| b"ou".contains(&byte));
            if !scope_holds || !is_name(feature) {
                return None;
            }
            if scope.contains('o') && mask != 0 {
                granted.push((feature.to_owned(), mask));
            }
        }
        Some(Self::Masks {
            names,
            features: granted,
        })
    }

    pub(super) fn contains(&self, permission: &str) -> bool {
        match self {
            Self::List(permissions) => permissions.iter().any(|known| known == permission),
            Self::Masks { names, features } => {
                let parts = permission
                    .strip_prefix("org:")
                    .and_then(|rest| rest.split_once(':'));
                parts.is_some_and(|(feature, name)| {
                    features.iter().any(|(known, mask)| {
                        known == feature && granted(names, *mask).any(|granted| granted == name)
                    })
                })
            }
        }
    }

    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = String> + '_> {
        match self {
            Self::List(permissions) => Box::new(permissions.iter().cloned()),
            Self::Masks { names, features } => {
                Box::new(features.iter().flat_map(move |(feature, mask)| {
                    granted(names, *mask).map(move |name| format!("org:{feature}:{name}"))
                }))
            }
        }
    }
}

/// The names whose bit is set, beginning with the lowest bit. Bits without a name are ignored.
fn granted(names: &[String], mask: u128) -> impl Iterator<Item = &str> {
    names
        .iter()
        .enumerate()
        .filter(move |(bit, _)| mask >> bit & 1 == 1)
        .map(|(_, name)| name.as_str())
}

/// Reads a decimal whole number, and nothing else.
fn parse_mask(mask: &str) -> Option<u128> {
    let is_plain = mask.len() <= MAX_MASK_DIGITS && mask.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| mask.parse().ok())?
}

/// Whether a text may name a feature, a permission or a role: visible ASCII without the separators
/// `:` and `,`.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b":,".contains(&byte);
    !name.is_empty() && name.bytes().all(is_plain)
}
