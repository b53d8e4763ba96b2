//! [`Access`]: tickets, revocations and the leases of open streams, for the whole process.

use std::sync::Arc;
use std::time::Duration;

use auth::Rejection;
use log_domain::{Job, JobId, OrgRule, Revocation};
use log_store::{Jobs, LocalAccess, Revocations, Tickets};
use tokio::runtime::Handle;

use super::decision::{Deciders, shares_job};
use super::lease::LeaseOptions;
use super::lease_checks::check_leases;
use super::open_streams::{AccessStats, OpenStreams, StreamPermit};
use super::principal::Principal;
use super::revocation_feed::follow_revocations;
use super::revoked::{RevokedList, Standing};
use super::stream_table::StreamLimits;
use super::tickets::{TicketBox, TicketGrant};
use crate::error::{ApiError, StateError};
use crate::supervise::Tasks;

/// How long a ticket can be used.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// The refusal of a session that was revoked before its token expired.
const REVOKED: ApiError = ApiError::Rejected(Rejection::SessionRevoked);

/// Where tickets and revocations are kept. Both are often the same store.
#[derive(Clone)]
pub struct AccessStores {
    /// Keeps tickets.
    pub tickets: Arc<dyn Tickets>,
    /// Keeps and announces revocations. `None` if nothing is ever revoked: then no request is checked.
    pub revocations: Option<Arc<dyn Revocations>>,
}

impl AccessStores {
    /// Both in one store. Every process over the same store accepts the tickets of the others, and learns of their
    /// revocations.
    #[must_use]
    pub fn shared<S: Tickets + Revocations>(store: Arc<S>) -> Self {
        Self {
            tickets: store.clone(),
            revocations: Some(store),
        }
    }

    /// Both in the memory of this process: for a service of one process. Another process answers a ticket of this one with
    /// 401, and goes on serving a session that was revoked here until its token expires. A restart forgets both.
    #[must_use]
    pub fn local() -> Self {
        Self::shared(Arc::new(LocalAccess::new()))
    }
}

/// The rules of access.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AccessOptions {
    /// How long a stream goes on before its reader is checked again.
    pub lease: LeaseOptions,
    /// How many streams may be open.
    pub limits: StreamLimits,
    /// Whether members of a job's organisation may read it.
    pub orgs: OrgRule,
    /// How long a revocation is kept. Longer than any token lives.
    pub keep_revocations: Duration,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            lease: LeaseOptions::default(),
            limits: StreamLimits::default(),
            orgs: OrgRule::Off,
            keep_revocations: Duration::from_secs(3600),
        }
    }
}

impl AccessOptions {
    /// Sets [`AccessOptions::lease`].
    #[must_use]
    pub fn lease(mut self, lease: LeaseOptions) -> Self {
        self.lease = lease;
        self
    }

    /// Sets [`AccessOptions::limits`].
    #[must_use]
    pub fn limits(mut self, limits: StreamLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`AccessOptions::orgs`].
    #[must_use]
    pub fn orgs(mut self, orgs: OrgRule) -> Self {
        self.orgs = orgs;
        self
    }

    /// Sets [`AccessOptions::keep_revocations`].
    #[must_use]
    pub fn keep_revocations(mut self, keep_revocations: Duration) -> Self {
        self.keep_revocations = keep_revocations;
        self
    }
}

/// Decides who may go on reading. There is one in a process. Its background tasks end when it is dropped.
pub struct Access {
    deciders: Arc<Deciders>,
    tickets: TicketBox,
    _tasks: Tasks,
}

impl Access {
    /// Starts to check leases and to follow revocations, on the tokio runtime this is called in.
    ///
    /// # Errors
    /// There is no tokio runtime here.
    pub fn new(
        options: AccessOptions,
        stores: &AccessStores,
        jobs: Arc<dyn Jobs>,
    ) -> Result<Self, StateError> {
        let runtime = Handle::try_current().map_err(|_| StateError::NoRuntime)?;
        let keep = options.keep_revocations;
        let revocations = stores.revocations.clone();
        let deciders = Arc::new(Deciders {
            jobs,
            lease: options.lease,
            orgs: options.orgs,
            revoked: revocations.map(|store| RevokedList::new(store, keep)),
            streams: Arc::new(OpenStreams::new(options.limits)),
        });
        let tasks = Tasks::new(runtime);
        let checked = deciders.clone();
        tasks.supervise("lease checks", move || check_leases(checked.clone()));
        if deciders.revoked.is_some() {
            let followed = deciders.clone();
            tasks.supervise("revocations", move || follow_revocations(followed.clone()));
        }
        Ok(Self {
            deciders,
            tickets: TicketBox::new(stores.tickets.clone()),
            _tasks: tasks,
        })
    }

    /// What members of an organisation may do.
    #[must_use]
    pub fn org_rule(&self) -> &OrgRule {
        &self.deciders.orgs
    }

    /// Whether requests can be decided: the revocations of before the start are known, or nothing is ever revoked.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let revoked = self.deciders.revoked.as_ref();
        revoked.is_none_or(RevokedList::is_loaded)
    }

    /// Returns the reader, without the organisation if the membership was revoked since the token was issued.
    ///
    /// # Errors
    /// 401 if the session or the user was revoked; 503 if that is not known yet.
    pub(crate) async fn check_not_revoked(&self, who: Principal) -> Result<Principal, ApiError> {
        let Some(revoked) = &self.deciders.revoked else {
            return Ok(who);
        };
        revoked.loaded().await?;
        match revoked.standing(&who) {
            Standing::Whole => Ok(who),
            Standing::WithoutOrg => Ok(who.without_org()),
            Standing::Revoked => Err(REVOKED),
        }
    }

    /// Makes a ticket, with which this reader can open one stream of this job. Returns its secret, which is kept nowhere.
    pub(crate) async fn issue_ticket(
        &self,
        who: &Principal,
        job: &JobId,
    ) -> Result<String, ApiError> {
        self.tickets.issue(who, job, TICKET_LIFE).await
    }

    /// Uses a ticket up.
    ///
    /// # Errors
    /// 401 if it is unknown, used or too old; 503 if the store is away.
    pub(crate) async fn take_ticket(&self, secret: &str) -> Result<TicketGrant, ApiError> {
        self.tickets.take(secret).await
    }

    /// A permit for one stream, with its first lease.
    ///
    /// # Errors
    /// 429 or 503 if a limit is reached; 401 if access was revoked meanwhile.
    pub(crate) fn permit_stream(
        &self,
        who: Principal,
        job_id: &JobId,
        job: &Job,
    ) -> Result<StreamPermit, ApiError> {
        let deciders = &self.deciders;
        let shared = shares_job(&who, job);
        let permit = deciders
            .streams
            .open(who.clone(), job_id, shared, &deciders.lease)?;
        // Checked again: a revocation that came after the gate did not find this stream in the list.
        if deciders.allows(&who, job_id, job) {
            Ok(permit)
        } else {
            Err(REVOKED)
        }
    }

    /// Keeps what a message revokes and applies it in this process; other processes follow soon. Returns `false` if the
    /// message was handled before.
    ///
    /// # Errors
    /// 503 if it could not be kept: the sender must send the message again.
    pub(crate) async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
    ) -> Result<bool, ApiError> {
        let Some(revoked) = &self.deciders.revoked else {
            return Ok(false);
        };
        let is_new = revoked.revoke(message, revocations).await?;
        self.deciders.apply(revocations);
        Ok(is_new)
    }

    /// Returns when no stream is open.
    pub(crate) async fn streams_closed(&self) {
        self.deciders.streams.all_closed().await;
    }

    /// How many streams are open, were refused, or were ended early, in this process.
    #[must_use]
    pub fn stats(&self) -> AccessStats {
        self.deciders.streams.stats()
    }
}
