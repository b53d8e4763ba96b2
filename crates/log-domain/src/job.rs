//! A job, and the rule that says who may read it.

use crate::id::{OrgId, UserId};
use crate::status::JobStatus;

/// What the log service needs to know about a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The status of the job.
    pub status: JobStatus,
    /// The owner. If a job has neither an owner nor an organisation, nobody can read it.
    pub owner: Option<UserId>,
    /// The organisation that the job belongs to. A job may have an owner, an organisation, or both.
    pub org: Option<OrgId>,
}

/// The person who wants to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The user.
    pub user: UserId,
    /// The organisation that is active in the user's session. Other organisations of the user are not known.
    pub active: Option<Membership>,
}

/// The membership of a user in an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organisation.
    pub org: OrgId,
    /// What the user may do in it, as `org:<feature>:<permission>`.
    pub permissions: Vec<String>,
}

/// Whether the members of a job's organisation may read it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OrgRule {
    /// No: only the owner may read a job.
    #[default]
    Off,
    /// Yes, every member.
    Members,
    /// Only members who have this permission.
    Permission(String),
}

impl OrgRule {
    fn allows(&self, membership: &Membership) -> bool {
        match self {
            Self::Off => false,
            Self::Members => true,
            Self::Permission(needed) => membership.permissions.iter().any(|had| had == needed),
        }
    }
}

/// Whether `reader` may read `job`. The owner may. Members of the job's organisation may if the rule allows it.
#[must_use]
pub fn may_read(reader: &Reader, job: &Job, rule: &OrgRule) -> bool {
    let owns = job.owner.as_ref() == Some(&reader.user);
    let is_member =
        |active: &Membership| job.org.as_ref() == Some(&active.org) && rule.allows(active);
    owns || reader.active.as_ref().is_some_and(is_member)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(owner: Option<&str>, org: Option<&str>) -> Job {
        Job {
            status: JobStatus::QUEUED,
            owner: owner.and_then(UserId::new),
            org: org.and_then(OrgId::new),
        }
    }

    fn ann(active: Option<(&str, &[&str])>) -> Reader {
        let membership = |(org, permissions): (&str, &[&str])| Membership {
            org: OrgId::new(org).unwrap(),
            permissions: permissions.iter().map(|&text| text.to_owned()).collect(),
        };
        Reader {
            user: UserId::new("user_ann").unwrap(),
            active: active.map(membership),
        }
    }

    fn needs(permission: &str) -> OrgRule {
        OrgRule::Permission(permission.into())
    }

    #[test]
    fn the_owner_may_read_and_no_other_user() {
        let reads = |owner| may_read(&ann(None), &job(Some(owner), None), &OrgRule::Members);
        assert!(reads("user_ann"));
        assert!(!reads("user_an"));
        assert!(!reads("USER_ANN"));
    }

    #[test]
    fn nobody_may_read_a_job_without_an_owner() {
        for owner in [None, Some("")] {
            assert!(!may_read(&ann(None), &job(owner, None), &OrgRule::Members));
            assert!(!may_read(
                &ann(Some(("org_1", &[]))),
                &job(owner, Some("")),
                &OrgRule::Members
            ));
        }
    }

    #[test]
    fn a_member_needs_the_active_organisation_and_the_permission() {
        let builds = "org:builds:read";
        let shared = job(Some("user_bob"), Some("org_1"));
        let cases = [
            (Some(("org_1", &[builds][..])), needs(builds), true),
            (Some(("org_1", &[builds])), OrgRule::Members, true),
            (Some(("org_1", &[builds])), OrgRule::Off, false),
            (Some(("org_1", &[])), OrgRule::Members, true),
            (Some(("org_1", &[])), needs(builds), false),
            (
                Some(("org_1", &["org:builds:reader"])),
                needs(builds),
                false,
            ),
            (Some(("org_2", &[builds])), needs(builds), false),
            (Some(("ORG_1", &[builds])), OrgRule::Members, false),
            (None, OrgRule::Members, false),
        ];
        for (active, rule, expected) in cases {
            assert_eq!(
                may_read(&ann(active), &shared, &rule),
                expected,
                "{active:?} {rule:?}"
            );
        }
    }

    #[test]
    fn the_owner_may_read_whichever_organisation_is_active() {
        let own = job(Some("user_ann"), Some("org_2"));
        assert!(may_read(&ann(Some(("org_1", &[]))), &own, &OrgRule::Off));
        assert!(may_read(&ann(None), &own, &needs("org:builds:read")));
    }
}
