//! A job, and the one rule for who may read it.

use crate::id::{OrgId, UserId};
use crate::status::JobStatus;

/// What the log service needs to know of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Where the job is in its life.
    pub status: JobStatus,
    /// The owner; a job without one can be read by nobody.
    pub owner: Option<UserId>,
    /// The organisation it belongs to, beside its owner or without one.
    pub org: Option<OrgId>,
}

/// Whether `reader` may read `job`: only its owner may.
#[must_use]
pub fn may_read(reader: &UserId, job: &Job) -> bool {
    job.owner.as_ref() == Some(reader)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(owner: Option<&str>) -> Job {
        Job {
            status: JobStatus::Queued,
            owner: owner.and_then(UserId::new),
            org: None,
        }
    }

    #[test]
    fn only_the_owner_may_read() {
        let ann = UserId::new("user_ann").unwrap();
        assert!(may_read(&ann, &job(Some("user_ann"))));
        assert!(!may_read(&ann, &job(Some("user_an"))));
        assert!(!may_read(&ann, &job(Some("USER_ANN"))));
    }

    #[test]
    fn a_job_without_an_owner_is_nobodys() {
        let ann = UserId::new("user_ann").unwrap();
        assert!(!may_read(&ann, &job(None)));
        assert!(!may_read(&ann, &job(Some(""))));
    }
}
