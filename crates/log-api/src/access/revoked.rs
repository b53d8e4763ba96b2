//! What was revoked, kept in the memory of this process, so that a check costs no command.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use log_domain::{Revocation, Revoked};
use log_store::Revocations;
use log_wire::ErrorCode;
use parking_lot::RwLock;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::principal::Principal;
use crate::error::ApiError;

/// How long a request waits after the start for the first read of the list. Without the list no session can be checked.
const LOADING: Duration = Duration::from_secs(2);

/// Below this many entries nothing is removed.
const FIRST_SWEEP: usize = 64;

/// What is left of a reader's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything.
    Whole,
    /// Everything but the organisation.
    WithoutOrg,
    /// Nothing.
    Revoked,
}

/// The list, which one background task of the process fills.
pub(super) struct RevokedList {
    pub(super) store: Arc<dyn Revocations>,
    keep: Duration,
    /// Whether the list was read once.
    loaded: watch::Sender<bool>,
    entries: RwLock<HashMap<Revoked, Entry>>,
    /// How many entries there must be before old ones are removed again.
    sweep_at: AtomicUsize,
    /// Whether the list has entries. It almost never has, and then no lock is taken.
    any: AtomicBool,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Tokens issued up to this moment are revoked; in seconds since the Unix epoch.
    issued_until: u64,
    /// From then on no token that was issued before the revocation can still be valid.
    forget_at: Instant,
}

impl RevokedList {
    pub(super) fn new(store: Arc<dyn Revocations>, keep: Duration) -> Self {
        Self {
            store,
            keep,
            loaded: watch::Sender::new(false),
            entries: RwLock::default(),
            sweep_at: AtomicUsize::new(FIRST_SWEEP),
            any: AtomicBool::new(false),
        }
    }

    /// Waits until the list was read once.
    ///
    /// # Errors
    /// 503 if that takes long: the store is away.
    pub(super) async fn loaded(&self) -> Result<(), ApiError> {
        if self.is_loaded() {
            return Ok(());
        }
        let mut loaded = self.loaded.subscribe();
        let waited = timeout(LOADING, loaded.wait_for(|loaded| *loaded)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ApiError::Code(ErrorCode::StoreUnavailable)),
        }
    }

    /// Whether the list was read once.
    pub(super) fn is_loaded(&self) -> bool {
        *self.loaded.borrow()
    }

    /// The list was read once.
    pub(super) fn set_loaded(&self) {
        self.loaded.send_replace(true);
    }

    /// Keeps what a message revokes, for every process. Returns `false` if the message was handled before.
    pub(super) async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
    ) -> Result<bool, ApiError> {
        Ok(self.store.revoke(message, revocations, self.keep).await?)
    }

    /// Adds revocations to the list. Of two for the same thing the later moment counts.
    pub(super) fn add(&self, revocations: &[Revocation]) {
        self.add_at(Instant::now(), revocations);
    }

    fn add_at(&self, now: Instant, revocations: &[Revocation]) {
        let mut entries = self.entries.write();
        if entries.len() >= self.sweep_at.load(Ordering::Relaxed) {
            entries.retain(|_, entry| entry.forget_at > now);
            let next = (2 * entries.len()).max(FIRST_SWEEP);
            self.sweep_at.store(next, Ordering::Relaxed);
        }
        for revocation in revocations {
            let entry = entries.entry(revocation.what.clone()).or_insert(Entry {
                issued_until: 0,
                forget_at: now,
            });
            entry.issued_until = entry.issued_until.max(revocation.issued_until);
            entry.forget_at = now + self.keep;
        }
        self.any.store(!entries.is_empty(), Ordering::Release);
    }

    /// What is left of a reader's access.
    pub(super) fn standing(&self, who: &Principal) -> Standing {
        if !self.any.load(Ordering::Acquire) {
            return Standing::Whole;
        }
        let entries = self.entries.read();
        let covers = |what: Revoked, issued_at: u64| {
            let entry = entries.get(&what);
            entry.is_some_and(|entry| issued_at <= entry.issued_until)
        };
        let reader = who.reader();
        if covers(Revoked::Session(who.session().into()), who.issued_at())
            || covers(Revoked::User(reader.user.clone()), who.issued_at())
        {
            return Standing::Revoked;
        }
        let Some(active) = &reader.active else {
            return Standing::Whole;
        };
        // What a token says about an organisation is as old as its claims.
        let (org, user) = (active.org.clone(), reader.user.clone());
        let member = Revoked::Member {
            org: org.clone(),
            user,
        };
        let withdrawn = covers(member, who.assembled_at())
            || covers(Revoked::Organization(org), who.assembled_at());
        if withdrawn {
            Standing::WithoutOrg
        } else {
            Standing::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use log_domain::{OrgId, UserId};
    use log_store::LocalAccess;

    use super::super::principal::tests::ann;
    use super::*;

    fn list() -> RevokedList {
        RevokedList::new(Arc::new(LocalAccess::new()), Duration::from_secs(60))
    }

    fn revocation(what: Revoked, issued_until: u64) -> Revocation {
        Revocation { what, issued_until }
    }

    #[test]
    fn a_revoked_session_is_revoked_for_all_its_tokens_and_other_sessions_are_not() {
        let list = list();
        list.add(&[revocation(Revoked::Session("sess_1".into()), u64::MAX)]);
        assert_eq!(list.standing(&ann("sess_1", None, 9)), Standing::Revoked);
        assert_eq!(list.standing(&ann("sess_2", None, 9)), Standing::Whole);
        assert_eq!(list.standing(&ann("SESS_1", None, 9)), Standing::Whole);
    }

    #[test]
    fn tokens_of_a_revoked_user_are_revoked_if_issued_up_to_that_moment() {
        let list = list();
        let user = UserId::new("user_ann").unwrap();
        for until in [100, 90] {
            list.add(&[revocation(Revoked::User(user.clone()), until)]);
        }
        assert_eq!(list.standing(&ann("s", None, 100)), Standing::Revoked);
        assert_eq!(list.standing(&ann("s", None, 101)), Standing::Whole);
    }

    #[test]
    fn a_revoked_membership_takes_the_organisation_and_leaves_the_rest() {
        let org = OrgId::new("org_1").unwrap();
        let user = UserId::new("user_ann").unwrap();
        let member = Revoked::Member {
            org: org.clone(),
            user,
        };
        for what in [member, Revoked::Organization(org)] {
            let list = list();
            list.add(&[revocation(what, 100)]);
            let standing = |org, at| list.standing(&ann("s", org, at));
            assert_eq!(standing(Some("org_1"), 100), Standing::WithoutOrg);
            assert_eq!(standing(Some("org_1"), 101), Standing::Whole);
            assert_eq!(standing(Some("org_2"), 100), Standing::Whole);
            assert_eq!(standing(None, 100), Standing::Whole);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_session_is_accepted_before_the_list_was_read() {
        let list = list();
        assert!(list.loaded().await.is_err());
        list.set_loaded();
        assert!(list.loaded().await.is_ok());
    }

    #[test]
    fn revocations_older_than_every_token_are_forgotten() {
        // Several at a time too: the number of entries then jumps over every exact limit.
        for at_a_time in [1_u64, 7] {
            let (list, start) = (list(), Instant::now());
            for second in 0..1000 {
                let session = |n: u64| Revoked::Session(format!("{second}-{n}").into());
                let batch: Vec<_> = (0..at_a_time)
                    .map(|n| revocation(session(n), u64::MAX))
                    .collect();
                list.add_at(start + Duration::from_secs(second), &batch);
            }
            let left = list.entries.read().len() as u64;
            assert!(left < 300 * at_a_time, "{left}");
        }
    }
}
