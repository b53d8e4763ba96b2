//! The permissions of a member, kept as they come: a list, or features with a bit for each name.
//!
//! A packed claim of a few kilobytes can stand for hundreds of thousands of permissions, so they
//! are never written out.

use serde_json::Value;

/// Most permission names that a mask can speak of.
const MAX_NAMES: usize = 128;

/// Digits of the largest mask.
const MAX_MASK_DIGITS: usize = 39;

/// What a member may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Permissions {
    /// Whole permissions, as version 1 lists them.
    Listed(Vec<String>),
    /// Version 2: the names, and for each feature of the organisation which of them it has.
    Packed {
        names: Vec<String>,
        features: Vec<(String, u128)>,
    },
}

impl Default for Permissions {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Permissions {
    /// The list of version 1; nothing where it has anything else in it.
    pub(super) fn listed(claim: Option<&Value>) -> Self {
        let listed = claim.and_then(Value::as_array).and_then(|permissions| {
            let permission = |value: &Value| Some(value.as_str()?.to_owned());
            permissions.iter().map(permission).collect()
        });
        Self::Listed(listed.unwrap_or_default())
    }

    /// The three claims of version 2. Masks count over all features of `fea`, the user's own
    /// included, as Clerk documents it. `None` where any part cannot be read: half a claim might
    /// grant what the whole does not.
    pub(super) fn packed(features: &str, names: &str, masks: &str) -> Option<Self> {
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
        Some(Self::Packed {
            names,
            features: granted,
        })
    }

    pub(super) fn contains(&self, permission: &str) -> bool {
        match self {
            Self::Listed(permissions) => permissions.iter().any(|known| known == permission),
            Self::Packed { names, features } => {
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
            Self::Listed(permissions) => Box::new(permissions.iter().cloned()),
            Self::Packed { names, features } => {
                Box::new(features.iter().flat_map(move |(feature, mask)| {
                    granted(names, *mask).map(move |name| format!("org:{feature}:{name}"))
                }))
            }
        }
    }
}

/// The names whose bit is set, the lowest bit first. Bits without a name mean nothing.
fn granted(names: &[String], mask: u128) -> impl Iterator<Item = &str> {
    names
        .iter()
        .enumerate()
        .filter(move |(bit, _)| mask >> bit & 1 == 1)
        .map(|(_, name)| name.as_str())
}

/// A decimal whole number and nothing else.
fn parse_mask(mask: &str) -> Option<u128> {
    let is_plain = mask.len() <= MAX_MASK_DIGITS && mask.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| mask.parse().ok())?
}

/// What a feature, a permission or a role may be called; nothing that stands between them.
pub(super) fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b":,".contains(&byte);
    !name.is_empty() && name.bytes().all(is_plain)
}
