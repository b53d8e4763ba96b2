//! Whether a reader may go on, decided by the job as it is now and by what was revoked.

use std::sync::Arc;

use log_domain::{Job, JobId, OrgRule, Revocation};
use log_store::Jobs;

use super::lease::LeaseOptions;
use super::open_streams::OpenStreams;
use super::principal::Principal;
use super::revoked::{RevokedList, Standing};

/// What the routes and the background tasks decide with.
pub(super) struct Deciders {
    pub(super) jobs: Arc<dyn Jobs>,
    pub(super) lease: LeaseOptions,
    pub(super) orgs: OrgRule,
    /// `None` if nothing is ever revoked.
    pub(super) revoked: Option<RevokedList>,
    pub(super) streams: Arc<OpenStreams>,
}

impl Deciders {
    /// Whether the reader may read the job, after revocations.
    pub(super) fn allows(&self, who: &Principal, id: &JobId, job: &Job) -> bool {
        let standing = self.revoked.as_ref().map(|list| list.standing(who));
        match standing.unwrap_or(Standing::Whole) {
            Standing::Whole => who.may_read(id, job, &self.orgs),
            Standing::WithoutOrg => who.clone().without_org().may_read(id, job, &self.orgs),
            Standing::Revoked => false,
        }
    }

    /// Remembers revocations, and breaks off the streams that they concern.
    pub(super) fn apply(&self, revocations: &[Revocation]) {
        let Some(revoked) = &self.revoked else {
            return;
        };
        revoked.add(revocations);
        self.streams
            .break_off_where(|who, shared| match revoked.standing(who) {
                Standing::Whole => false,
                Standing::WithoutOrg => shared,
                Standing::Revoked => true,
            });
    }
}

/// Whether the reader reads the job as a member of its organisation, and not as its owner.
pub(super) fn shares_job(who: &Principal, job: &Job) -> bool {
    job.owner.as_ref() != Some(&who.reader().user)
}
