//! What a member must have in an organisation, as a setting names it.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::permissions::is_name;

/// What a member of an organisation must have to use something of that organisation. Parsed from
/// `member`, `org:<role>` or `org:<feature>:<permission>`.
///
/// ```
/// let requirement: auth::OrgRequirement = "org:builds:read".parse()?;
/// let expected = auth::OrgRequirement::Permission("org:builds:read".to_owned());
/// assert_eq!(requirement, expected);
/// # Ok::<(), auth::ParseOrgRequirementError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgRequirement {
    /// The organisation must be the active one; every member is allowed.
    Member,
    /// This role, with the prefix `org:`. Prefer permissions: what a role may do can be changed in
    /// Clerk's dashboard.
    Role(String),
    /// This permission, written `org:<feature>:<permission>`.
    Permission(String),
}

/// A text that is not an [`OrgRequirement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseOrgRequirementError {
    /// It has none of the three forms.
    #[error("it must be member, org:<role> or org:<feature>:<permission>")]
    Shape,
    /// It is one of Clerk's system permissions.
    #[error(
        "permissions that begin with org:sys_ are never in a session token: make one of your own"
    )]
    SystemPermission,
}

impl FromStr for OrgRequirement {
    type Err = ParseOrgRequirementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "member" {
            return Ok(Self::Member);
        }
        let rest = text
            .strip_prefix("org:")
            .ok_or(ParseOrgRequirementError::Shape)?;
        let parts: Vec<&str> = rest.split(':').collect();
        if !parts.iter().copied().all(is_name) {
            return Err(ParseOrgRequirementError::Shape);
        }
        match parts.as_slice() {
            [_role] => Ok(Self::Role(text.to_owned())),
            [feature, _] if feature.starts_with("sys_") => {
                Err(ParseOrgRequirementError::SystemPermission)
            }
            [_feature, _permission] => Ok(Self::Permission(text.to_owned())),
            _ => Err(ParseOrgRequirementError::Shape),
        }
    }
}

impl fmt::Display for OrgRequirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Member => "member",
            Self::Role(text) | Self::Permission(text) => text,
        })
    }
}
