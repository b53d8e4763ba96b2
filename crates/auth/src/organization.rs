//! The active organisation of a session, read from the claims of both token versions.
//!
//! Nothing here makes a verification fail: if a claim cannot be read, the user has fewer
//! permissions, but still a session.

mod permissions;

use std::fmt;
use std::sync::Once;

use serde_json::Value;

use self::permissions::{Permissions, is_name};
use crate::ids::is_organization_id;
use crate::json::Object;

/// The organisation that is active in a session: the claim `o` of a version 2 token, the claims
/// `org_…` of a version 1 token.
///
/// A token names the active organisation only, not the others that the user belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Organization {
    id: String,
    slug: Option<String>,
    role: Option<String>,
    permissions: Permissions,
}

impl Organization {
    /// Reads the organisation of verified claims; `None` if none is active, or if its id is not
    /// valid.
    pub(crate) fn from_claims(claims: &Object) -> Option<Self> {
        match claims.get("v") {
            None => Self::from_version_1(claims),
            Some(version) if version.as_u64() == Some(2) => Self::from_version_2(claims),
            Some(_) => {
                static WARNED: Once = Once::new();
                WARNED.call_once(|| {
                    tracing::warn!(
                        "a token has an unknown version, so its organisation is ignored"
                    );
                });
                None
            }
        }
    }

    /// Version 1: `org_id`, `org_slug`, `org_role`, `org_permissions`.
    fn from_version_1(claims: &Object) -> Option<Self> {
        let text = |name| claims.get(name).and_then(Value::as_str);
        Some(Self {
            id: organization_id(text("org_id"))?,
            slug: text("org_slug").map(str::to_owned),
            role: text("org_role").and_then(role),
            permissions: Permissions::from_list(claims.get("org_permissions")),
        })
    }

    /// Version 2: `o` with `id`, `slg`, `rol`, `per` and `fpm`, next to `fea`.
    fn from_version_2(claims: &Object) -> Option<Self> {
        let organization = claims.get("o")?.as_object()?;
        let text = |name| organization.get(name).and_then(Value::as_str);
        let features = claims.get("fea").and_then(Value::as_str);
        let permissions = features
            .and_then(|features| Permissions::from_masks(features, text("per")?, text("fpm")?));
        Some(Self {
            id: organization_id(text("id"))?,
            slug: text("slg").map(str::to_owned),
            role: text("rol").and_then(role),
            permissions: permissions.unwrap_or_default(),
        })
    }

    /// The organisation's id, always `org_…`. Store this and not the slug, which can change.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The organisation's name in URLs, for display only.
    #[must_use]
    pub fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }

    /// The member's role, always with the prefix `org:`, for example `org:admin`.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Whether the member has this permission, written `org:<feature>:<permission>`. Clerk's system
    /// permissions (`org:sys_…`) are never in a token.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.contains(permission)
    }

    /// All permissions of the member, as `org:<feature>:<permission>`.
    pub fn permissions(&self) -> impl Iterator<Item = String> {
        self.permissions.iter()
    }
}

/// Does not show any claim.
impl fmt::Debug for Organization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Organization")
            .finish_non_exhaustive()
    }
}

fn organization_id(id: Option<&str>) -> Option<String> {
    id.filter(|id| is_organization_id(id)).map(str::to_owned)
}

/// A role with the prefix `org:`, which version 2 tokens leave out.
fn role(role: &str) -> Option<String> {
    let name = role.strip_prefix("org:").unwrap_or(role);
    is_name(name).then(|| format!("org:{name}"))
}
