//! Who may go on reading: what lasts longer than one request and decides about it.
//!
//! The gate asks here whether a session was revoked; the stream route takes a seat, which can be told to end; and two
//! tasks of the process watch over all seats: one hears of revocations, one of leases that end. There is none for each
//! viewer.

mod lease;
mod principal;
mod revoked;
mod seats;
mod secret;
mod tickets;
mod watch;

pub use self::lease::{LeaseMode, LeaseOptions};
pub use self::principal::Principal;
pub(crate) use self::seats::{Call, Seat};
pub(crate) use self::tickets::Granted;

use std::sync::Arc;
use std::time::Duration;

use auth::Rejection;
use log_domain::{Job, JobId, OrgRule, Revocation, may_read};
use log_store::{Jobs, LocalAccess, Revocations, Tickets};
use tokio::task::JoinHandle;

use self::revoked::{RevokedList, Standing};
use self::seats::Seats;
use self::tickets::TicketBox;
use crate::error::ApiError;

/// How long a ticket can be taken.
pub const TICKET_LIFE: Duration = Duration::from_secs(30);

/// The refusal of a session that was ended before its token.
const REVOKED: ApiError = ApiError::Rejected(Rejection::SessionRevoked);

/// Where tickets and revocations are kept: each a trait, both often one store.
#[derive(Clone)]
pub struct AccessStores {
    /// Keeps tickets.
    pub tickets: Arc<dyn Tickets>,
    /// Keeps and tells revocations. `None` where nothing is ever revoked: then nobody asks.
    pub revocations: Option<Arc<dyn Revocations>>,
}

impl AccessStores {
    /// Both in this process alone.
    #[must_use]
    pub fn local() -> Self {
        let local = Arc::new(LocalAccess::new());
        Self {
            tickets: local.clone(),
            revocations: Some(local),
        }
    }
}

/// What is asked of who reads.
#[derive(Debug, Clone)]
pub struct AccessOptions {
    /// How long a stream goes on without a look at who reads it.
    pub lease: LeaseOptions,
    /// Whether members of a job's organisation may read it.
    pub orgs: OrgRule,
    /// How long a revocation is kept: longer than any token lives.
    pub keep_revocations: Duration,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            lease: LeaseOptions::default(),
            orgs: OrgRule::Off,
            keep_revocations: Duration::from_secs(3600),
        }
    }
}

/// Decides who may go on reading. One a process, shared; its tasks end with it.
pub struct Access {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the routes and the tasks share.
struct Shared {
    options: AccessOptions,
    jobs: Arc<dyn Jobs>,
    tickets: TicketBox,
    /// `None` where nothing is ever revoked.
    revoked: Option<RevokedList>,
    seats: Arc<Seats>,
}

impl Access {
    /// Begins to watch over streams. Call it in the tokio runtime that this is to run on.
    #[must_use]
    pub fn new(options: AccessOptions, stores: &AccessStores, jobs: Arc<dyn Jobs>) -> Self {
        let keep = options.keep_revocations;
        let revocations = stores.revocations.clone();
        let shared = Arc::new(Shared {
            options,
            jobs,
            tickets: TicketBox::new(stores.tickets.clone()),
            revoked: revocations.map(|store| RevokedList::new(store, keep)),
            seats: Arc::default(),
        });
        let mut tasks = vec![tokio::spawn(watch::leases(shared.clone()))];
        if shared.revoked.is_some() {
            tasks.push(tokio::spawn(watch::revocations(shared.clone())));
        }
        Self { shared, tasks }
    }

    /// What an organisation's members may do.
    #[must_use]
    pub fn org_rule(&self) -> &OrgRule {
        &self.shared.options.orgs
    }

    /// The same reader, as far as nothing was revoked since the token was made: without the organisation where it was
    /// that.
    ///
    /// # Errors
    /// 401 where the session or all of the user was; 503 where it cannot be said yet.
    pub(crate) async fn still(&self, who: Principal) -> Result<Principal, ApiError> {
        let Some(revoked) = &self.shared.revoked else {
            return Ok(who);
        };
        revoked.loaded().await?;
        match revoked.standing(&who) {
            Standing::Whole => Ok(who),
            Standing::WithoutOrg => Ok(who.without_org()),
            Standing::Revoked => Err(REVOKED),
        }
    }

    /// Makes a ticket for a stream of this job to this reader. What it says is its secret: shown once, kept nowhere.
    pub(crate) async fn issue_ticket(
        &self,
        who: &Principal,
        job: &JobId,
    ) -> Result<String, ApiError> {
        self.shared.tickets.issue(who, job, TICKET_LIFE).await
    }

    /// Takes a ticket; it is no more.
    ///
    /// # Errors
    /// 401 where it is unknown, used or too old; 503 where the store is away.
    pub(crate) async fn take_ticket(&self, secret: &str) -> Result<Granted, ApiError> {
        self.shared.tickets.take(secret).await
    }

    /// A seat for a stream of this job to this reader, with a first lease.
    ///
    /// # Errors
    /// 401 where access was withdrawn meanwhile.
    pub(crate) fn seat(&self, who: Principal, job_id: &JobId, job: &Job) -> Result<Seat, ApiError> {
        let shares = watch::shares(&who, job);
        let lease = &self.shared.options.lease;
        let seat = self.shared.seats.take(who.clone(), job_id, shares, lease);
        // Once more: a revocation that came since the gate may have found no seat to end.
        if self.shared.allows(&who, job) {
            Ok(seat)
        } else {
            Err(REVOKED)
        }
    }

    /// Revokes what a message says, in this process before it returns and in the others soon after; `false` where the
    /// message has counted before.
    ///
    /// # Errors
    /// 503 where that could not be kept: the message is to be sent again.
    pub(crate) async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
    ) -> Result<bool, ApiError> {
        let Some(revoked) = &self.shared.revoked else {
            return Ok(false);
        };
        let counted = revoked.revoke(message, revocations).await?;
        self.shared.apply(revocations);
        Ok(counted)
    }

    /// How many streams there are, and how many were ended early: by a revocation or a lease, in this process.
    #[must_use]
    pub fn stats(&self) -> AccessStats {
        self.shared.seats.stats()
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What became of streams, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessStats {
    /// Streams that are open.
    pub seats: u64,
    /// Streams broken off because access was withdrawn.
    pub withdrawn: u64,
    /// Streams ended so that their clients come back with a fresh token.
    pub reauthenticated: u64,
}

impl Shared {
    /// Whether the reader may read the job as it is now. Revocations are looked at too.
    fn allows(&self, who: &Principal, job: &Job) -> bool {
        let standing = self.revoked.as_ref().map(|list| list.standing(who));
        let reader = match standing.unwrap_or(Standing::Whole) {
            Standing::Whole => who.reader().clone(),
            Standing::WithoutOrg => who.clone().without_org().reader().clone(),
            Standing::Revoked => return false,
        };
        may_read(&reader, job, &self.options.orgs)
    }

    /// Takes note of revocations, and ends the streams that they end.
    fn apply(&self, revocations: &[Revocation]) {
        let Some(revoked) = &self.revoked else {
            return;
        };
        revoked.note(revocations);
        self.seats
            .end_where(|who, shares| match revoked.standing(who) {
                Standing::Whole => false,
                Standing::WithoutOrg => shares,
                Standing::Revoked => true,
            });
    }
}
