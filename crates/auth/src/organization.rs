//! The active organisation of a session: its claims in both forms, and the rule that asks for a
//! role or permission in it.
//!
//! Nothing here fails a verification: a claim that cannot be read takes permissions away, never the
//! session.

use std::fmt;
use std::str::FromStr;
use std::sync::Once;

use serde_json::Value;
use thiserror::Error;

use self::permissions::Permissions;
use crate::claims::is_id;
use crate::json::Object;

mod permissions;

/// The organisation that is active in a session: `o` of a version 2 token, `org_…` of one before.
///
/// A token knows the active organisation only: that a user belongs to another one cannot be seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Organization {
    id: String,
    slug: Option<String>,
    role: Option<String>,
    permissions: Permissions,
}

impl Organization {
    /// Reads the organisation of verified claims; `None` where none is active, or its id is none.
    pub(crate) fn of(claims: &Object) -> Option<Self> {
        match claims.get("v") {
            None => Self::flat(claims),
            Some(version) if version.as_u64() == Some(2) => Self::compact(claims),
            Some(_) => {
                static TOLD: Once = Once::new();
                TOLD.call_once(|| {
                    tracing::warn!(
                        "a token is of a version that is not known: its organisation is not read"
                    );
                });
                None
            }
        }
    }

    /// Version 1: `org_id`, `org_slug`, `org_role`, `org_permissions`.
    fn flat(claims: &Object) -> Option<Self> {
        let text = |name| claims.get(name).and_then(Value::as_str);
        Some(Self {
            id: organization_id(text("org_id"))?,
            slug: text("org_slug").map(str::to_owned),
            role: text("org_role").and_then(role),
            permissions: Permissions::listed(claims.get("org_permissions")),
        })
    }

    /// Version 2: `o` with `id`, `slg`, `rol`, `per` and `fpm`, next to `fea`.
    fn compact(claims: &Object) -> Option<Self> {
        let organization = claims.get("o")?.as_object()?;
        let text = |name| organization.get(name).and_then(Value::as_str);
        let features = claims.get("fea").and_then(Value::as_str);
        let permissions =
            features.and_then(|features| Permissions::packed(features, text("per")?, text("fpm")?));
        Some(Self {
            id: organization_id(text("id"))?,
            slug: text("slg").map(str::to_owned),
            role: text("rol").and_then(role),
            permissions: permissions.unwrap_or_default(),
        })
    }

    /// The organisation's id, always `org_…`. The one to store: a slug can be changed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The organisation's name in addresses, for showing only.
    #[must_use]
    pub fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }

    /// The member's role, always with one `org:` in front: `org:admin`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Whether the member has this permission, written `org:<feature>:<permission>`. Clerk's own
    /// (`org:sys_…`) are never in a token.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// Every permission of the member, as `org:<feature>:<permission>`.
    pub fn permissions(&self) -> impl Iterator<Item = String> {
        self.permissions.iter()
    }

    /// Whether the member meets a rule.
    #[must_use]
    pub fn meets(&self, rule: &OrgRule) -> bool {
        match rule {
            OrgRule::Member => true,
            OrgRule::Role(role) => self.role() == Some(role),
            OrgRule::Permission(permission) => self.has_permission(permission),
        }
    }
}

/// Shows no claim.
impl fmt::Debug for Organization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Organization")
            .finish_non_exhaustive()
    }
}

/// What a member of an organisation must have to be let at something of the organisation's. Parsed
/// from `member`, `org:<role>` or `org:<feature>:<permission>`.
///
/// ```
/// let rule: auth::OrgRule = "org:builds:read".parse()?;
/// assert_eq!(rule, auth::OrgRule::Permission("org:builds:read".to_owned()));
/// # Ok::<(), auth::ParseOrgRuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgRule {
    /// The organisation is the active one; no more.
    Member,
    /// This role, with `org:` in front. Prefer permissions: what a role may do is changed in the
    /// dashboard.
    Role(String),
    /// This permission, written `org:<feature>:<permission>`.
    Permission(String),
}

/// A text that is no [`OrgRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseOrgRuleError {
    /// It is none of the three forms.
    #[error("it must be member, org:<role> or org:<feature>:<permission>")]
    Shape,
    /// It is a permission of Clerk's own.
    #[error(
        "permissions that begin with org:sys_ are never in a session token: make one of your own"
    )]
    SystemPermission,
}

impl FromStr for OrgRule {
    type Err = ParseOrgRuleError;

    fn from_str(rule: &str) -> Result<Self, Self::Err> {
        if rule == "member" {
            return Ok(Self::Member);
        }
        let rest = rule.strip_prefix("org:").ok_or(ParseOrgRuleError::Shape)?;
        let parts: Vec<&str> = rest.split(':').collect();
        if !parts.iter().copied().all(permissions::is_name) {
            return Err(ParseOrgRuleError::Shape);
        }
        match parts.as_slice() {
            [_role] => Ok(Self::Role(rule.to_owned())),
            [feature, _] if feature.starts_with("sys_") => Err(ParseOrgRuleError::SystemPermission),
            [_feature, _permission] => Ok(Self::Permission(rule.to_owned())),
            _ => Err(ParseOrgRuleError::Shape),
        }
    }
}

impl fmt::Display for OrgRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Member => "member",
            Self::Role(rule) | Self::Permission(rule) => rule,
        })
    }
}

fn organization_id(id: Option<&str>) -> Option<String> {
    id.filter(|id| is_organization_id(id)).map(str::to_owned)
}

pub(crate) fn is_organization_id(id: &str) -> bool {
    is_id(id) && id.strip_prefix("org_").is_some_and(|rest| !rest.is_empty())
}

/// A role with one `org:` in front, however it came.
fn role(role: &str) -> Option<String> {
    let name = role.strip_prefix("org:").unwrap_or(role);
    permissions::is_name(name).then(|| format!("org:{name}"))
}
