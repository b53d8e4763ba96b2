//! What a webhook says, as far as it takes something from somebody.

use std::fmt;

use serde_json::Value;

use crate::claims::{is_id, is_user_id};
use crate::json::{self, Object};
use crate::organization::is_organization_id;

/// What has happened at Clerk. Ids have the form of ids; they are of visible ASCII and at most 128
/// bytes.
#[derive(Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    /// A session is over: `session.ended`, `session.removed`, `session.revoked`.
    SessionEnded {
        /// The session, as [`Session::session_id`](crate::Session::session_id) has it.
        session_id: String,
        /// Whose it was, where the event says it.
        user_id: Option<String>,
    },
    /// A user is gone (`user.deleted`), or may not sign in any more (`user.updated` with `banned`).
    UserEnded {
        /// The user.
        user_id: String,
    },
    /// An organisation is gone: `organization.deleted`.
    OrganizationDeleted {
        /// The organisation.
        organization_id: String,
    },
    /// A user has left an organisation, or was taken out of it: `organizationMembership.deleted`.
    MembershipDeleted {
        /// The organisation.
        organization_id: String,
        /// The user.
        user_id: String,
    },
    /// A member has another role, and so other permissions: `organizationMembership.updated`.
    MembershipUpdated {
        /// The organisation.
        organization_id: String,
        /// The user.
        user_id: String,
    },
    /// Anything else; nobody loses anything by it.
    Other,
}

impl WebhookEvent {
    /// Reads an event; `None` where it is none, or ends something without saying what.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let event = json::parse_object(body)?;
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

/// Shows the kind and no id.
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
