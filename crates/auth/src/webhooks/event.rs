//! The events of webhooks that take access away from somebody.

use std::fmt;

use serde_json::Value;

use crate::ids::{is_id, is_organization_id, is_user_id};
use crate::json::{self, Object};

/// What happened at Clerk. All ids are visible ASCII and at most 128 bytes long.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum WebhookEvent {
    /// A session has ended: `session.ended`, `session.removed`, `session.revoked`.
    SessionEnded {
        /// The session's id, the same as [`Session::session_id`](crate::Session::session_id).
        session_id: String,
        /// The session's user, if the event names them.
        user_id: Option<String>,
    },
    /// A user was deleted (`user.deleted`), or may not sign in any more (`user.updated` with
    /// `banned`).
    UserEnded {
        /// The user.
        user_id: String,
    },
    /// An organisation was deleted: `organization.deleted`.
    OrganizationDeleted {
        /// The organisation.
        organization_id: String,
    },
    /// A user has left an organisation or was removed from it: `organizationMembership.deleted`.
    MembershipDeleted {
        /// The organisation.
        organization_id: String,
        /// The user.
        user_id: String,
    },
    /// A member's role, and so their permissions, may have changed:
    /// `organizationMembership.updated`.
    MembershipUpdated {
        /// The organisation.
        organization_id: String,
        /// The user.
        user_id: String,
    },
    /// Any other event. It takes no access away.
    Other,
}

impl WebhookEvent {
    /// Reads an event; `None` if the body is not one, or if it says that something has ended and not
    /// what.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        // Some proxies and tools put a byte order mark before a text. It was signed with it.
        let event = json::parse_object(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body))?;
        if text(&event, "object") != Some("event") {
            return None;
        }
        let kind = text(&event, "type")?;
        let data = event.get("data")?.as_object()?;
        match kind {
            "session.ended" | "session.removed" | "session.revoked" => Some(Self::SessionEnded {
                session_id: id(text(data, "id"), is_id)?,
                user_id: id(text(data, "user_id"), is_user_id),
            }),
            "user.deleted" => Some(Self::UserEnded {
                user_id: id(text(data, "id"), is_user_id)?,
            }),
            "user.updated" if data.get("banned") == Some(&Value::Bool(true)) => {
                Some(Self::UserEnded {
                    user_id: id(text(data, "id"), is_user_id)?,
                })
            }
            "organization.deleted" => Some(Self::OrganizationDeleted {
                organization_id: id(text(data, "id"), is_organization_id)?,
            }),
            "organizationMembership.deleted" => {
                let (organization_id, user_id) = membership(data)?;
                Some(Self::MembershipDeleted {
                    organization_id,
                    user_id,
                })
            }
            "organizationMembership.updated" => {
                let (organization_id, user_id) = membership(data)?;
                Some(Self::MembershipUpdated {
                    organization_id,
                    user_id,
                })
            }
            _ => Some(Self::Other),
        }
    }
}

/// Shows the kind of the event, but no id.
impl fmt::Debug for WebhookEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SessionEnded { .. } => "SessionEnded",
            Self::UserEnded { .. } => "UserEnded",
            Self::OrganizationDeleted { .. } => "OrganizationDeleted",
            Self::MembershipDeleted { .. } => "MembershipDeleted",
            Self::MembershipUpdated { .. } => "MembershipUpdated",
            Self::Other => "Other",
        })
    }
}

/// The organisation and the user of a membership.
fn membership(data: &Object) -> Option<(String, String)> {
    let organization = data.get("organization")?.as_object()?;
    let user = data.get("public_user_data")?.as_object()?;
    Some((
        id(text(organization, "id"), is_organization_id)?,
        id(text(user, "user_id"), is_user_id)?,
    ))
}

fn id(id: Option<&str>, is_one: impl Fn(&str) -> bool) -> Option<String> {
    id.filter(|id| is_one(id)).map(str::to_owned)
}

fn text<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}
