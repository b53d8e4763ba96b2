//! Who a request is from.

use std::fmt;
use std::sync::Arc;

use auth::Session;
use jiff::Timestamp;
use log_domain::{Job, JobId, Membership, OrgId, OrgRule, Reader, UserId, may_read};
use serde_json::{Value, json};

use super::key_entry::KeyEntry;
use super::key_ring::KeyRing;
use super::scope::Scope;

/// Who a request is from, according to a verified session or to a ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    reader: Reader,
    session: Box<str>,
    issuer: Box<str>,
    /// When the token was issued, in seconds since the Unix epoch.
    issued_at: u64,
    /// When the provider assembled the claims, in seconds since the Unix epoch.
    assembled_at: u64,
    /// The API key of a tool that reads. `None` for a person.
    key: Option<KeyReader>,
}

/// A tool that reads with an API key.
#[derive(Clone)]
pub(super) struct KeyReader {
    pub(super) ring: Arc<KeyRing>,
    pub(super) entry: Arc<KeyEntry>,
}

impl PartialEq for KeyReader {
    fn eq(&self, other: &Self) -> bool {
        self.entry == other.entry
    }
}

impl Eq for KeyReader {}

impl Principal {
    /// A tool with an API key. `None` if the key has no name, which a key of the configuration always has.
    pub(super) fn from_key(ring: Arc<KeyRing>, entry: Arc<KeyEntry>) -> Option<Self> {
        let name = format!("key:{}", entry.name);
        Some(Self {
            reader: Reader {
                user: UserId::new(&name)?,
                active: None,
            },
            session: "".into(),
            issuer: "".into(),
            issued_at: 0,
            assembled_at: 0,
            key: Some(KeyReader { ring, entry }),
        })
    }

    /// Whether they may read a job now: a person by the rule of all readers, a tool while its key allows it.
    #[must_use]
    pub(crate) fn may_read(&self, id: &JobId, job: &Job, rule: &OrgRule) -> bool {
        match &self.key {
            None => may_read(&self.reader, job, rule),
            Some(key) => {
                key.entry.allows(Scope::LogsRead, id)
                    && key.ring.still_has(&key.entry, Timestamp::now())
            }
        }
    }

    /// Whether this is a tool with an API key.
    pub(crate) const fn is_key(&self) -> bool {
        self.key.is_some()
    }

    /// The principal of a session. `None` if the user id is empty, which a verified session never has.
    ///
    /// Of the member's permissions it keeps only the one that the rule asks for: a token can name tens of thousands.
    pub(crate) fn from_session(session: &Session, rule: &OrgRule) -> Option<Self> {
        let membership = |org: &auth::Organization| {
            let needed = match rule {
                OrgRule::Permission(needed) => Some(needed),
                OrgRule::Members | OrgRule::Off => None,
            };
            let held = needed.filter(|needed| org.has_permission(needed));
            Some(Membership {
                org: OrgId::new(org.id())?,
                permissions: held.cloned().into_iter().collect(),
            })
        };
        Some(Self {
            reader: Reader {
                user: UserId::new(session.user_id())?,
                active: session.organization().and_then(membership),
            },
            session: session.session_id().into(),
            issuer: session.issuer().into(),
            issued_at: session.issued_at(),
            assembled_at: session
                .claims_assembled_at()
                .unwrap_or_else(|| session.issued_at()),
            key: None,
        })
    }

    /// The user and organisation that decide which jobs may be read.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    pub(super) const fn issued_at(&self) -> u64 {
        self.issued_at
    }

    pub(super) const fn assembled_at(&self) -> u64 {
        self.assembled_at
    }

    /// The same principal without an organisation.
    pub(super) fn without_org(mut self) -> Self {
        self.reader.active = None;
        self
    }

    pub(super) fn to_json(&self) -> Value {
        let active = self.reader.active.as_ref();
        json!({
            "user": self.reader.user.as_str(),
            "session": self.session,
            "issuer": self.issuer,
            "issued_at": self.issued_at,
            "assembled_at": self.assembled_at,
            "org": active.map(|active| active.org.as_str()),
            "permissions": active.map(|active| &active.permissions),
        })
    }

    /// Reads what [`Principal::to_json`] wrote.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| value.get(name)?.as_str();
        let number = |name: &str| value.get(name)?.as_u64();
        let permissions = || {
            let listed = value.get("permissions")?.as_array()?;
            let names = listed.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>()
        };
        let active = match text("org") {
            Some(org) => Some(Membership {
                org: OrgId::new(org)?,
                permissions: permissions()?,
            }),
            None => None,
        };
        Some(Self {
            reader: Reader {
                user: UserId::new(text("user")?)?,
                active,
            },
            session: text("session")?.into(),
            issuer: text("issuer")?.into(),
            issued_at: number("issued_at")?,
            assembled_at: number("assembled_at")?,
            key: None,
        })
    }
}

/// Shows no claim.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A user without an organisation.
    pub(crate) fn reader(user: &str) -> Principal {
        let mut who = ann("sess_1", None, 7);
        who.reader.user = UserId::new(user).unwrap();
        who
    }

    /// Ann in one of her sessions.
    pub(crate) fn ann(session: &str, org: Option<&str>, issued_at: u64) -> Principal {
        Principal {
            reader: Reader {
                user: UserId::new("user_ann").unwrap(),
                active: org.map(|org| Membership {
                    org: OrgId::new(org).unwrap(),
                    permissions: vec!["org:builds:read".into()],
                }),
            },
            session: session.into(),
            issuer: "https://clerk.example.com".into(),
            issued_at,
            assembled_at: issued_at,
            key: None,
        }
    }

    #[test]
    fn a_principal_survives_json_and_is_not_printed() {
        for org in [None, Some("org_1")] {
            let who = ann("sess_secret", org, 7);
            assert_eq!(Principal::from_json(&who.to_json()), Some(who.clone()));
            assert_eq!(format!("{who:?}"), "Principal { .. }");
        }
        assert_eq!(Principal::from_json(&json!({"user": "u"})), None);
    }
}
