//! Revocations as text, as stores keep them.

use std::str::FromStr as _;

use log_domain::{OrgId, Revocation, Revoked, UserId};

/// A revocation as text: its kind, its time and its ids, separated by spaces. No id contains a space.
pub(crate) fn to_text(revocation: &Revocation) -> String {
    let until = revocation.issued_until;
    match &revocation.what {
        Revoked::Session(session) => format!("session {until} {session}"),
        Revoked::User(user) => format!("user {until} {}", user.as_str()),
        Revoked::Member { org, user } => {
            format!("member {until} {} {}", org.as_str(), user.as_str())
        }
        Revoked::Organization(org) => format!("organization {until} {}", org.as_str()),
    }
}

/// Reads what [`to_text`] wrote; `None` for anything else.
pub(crate) fn from_text(text: &str) -> Option<Revocation> {
    let mut words = text.split(' ');
    let (kind, until) = (words.next()?, u64::from_str(words.next()?).ok()?);
    let mut id = || words.next().filter(|id| !id.is_empty());
    let what = match kind {
        "session" => Revoked::Session(id()?.into()),
        "user" => Revoked::User(UserId::new(id()?)?),
        "member" => Revoked::Member {
            org: OrgId::new(id()?)?,
            user: UserId::new(id()?)?,
        },
        "organization" => Revoked::Organization(OrgId::new(id()?)?),
        _ => return None,
    };
    let revocation = Revocation {
        what,
        issued_until: until,
    };
    words.next().is_none().then_some(revocation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_reads_back_as_it_was_written() {
        let (org, user) = (OrgId::new("org_1").unwrap(), UserId::new("user_1").unwrap());
        for what in [
            Revoked::Session("sess_1".into()),
            Revoked::User(user.clone()),
            Revoked::Organization(org.clone()),
            Revoked::Member { org, user },
        ] {
            let issued_until = u64::MAX;
            let revocation = Revocation { what, issued_until };
            assert_eq!(from_text(&to_text(&revocation)), Some(revocation));
        }
    }

    #[test]
    fn a_text_in_an_unknown_form_is_none() {
        for text in [
            "",
            "session",
            "session x y",
            "session 1 ",
            "team 1 t",
            "user 1 a b",
        ] {
            assert_eq!(from_text(text), None, "{text:?}");
        }
    }
}
