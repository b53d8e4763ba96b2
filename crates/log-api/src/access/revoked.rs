//! What was revoked, as this process knows it: in memory, so that asking costs no command.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use log_domain::{Revocation, Revoked};
use log_store::Revocations;
use log_wire::ErrorCode;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::principal::Principal;
use crate::error::ApiError;

/// How long a request waits for the list at the start, before which nothing can be said about any session.
const LOADING: Duration = Duration::from_secs(2);

/// What is left of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything.
    Whole,
    /// Everything but the organisation.
    WithoutOrg,
    /// Nothing.
    Revoked,
}

/// The list, fed by one task of the process.
pub(super) struct RevokedList {
    pub(super) store: Arc<dyn Revocations>,
    keep: Duration,
    loaded: watch::Sender<bool>,
    entries: RwLock<HashMap<Revoked, Entry>>,
    /// Whether there is any entry: there is none almost always.
    any: AtomicBool,
}

#[derive(Clone, Copy)]
struct Entry {
    issued_until: u64,
    /// When it can be forgotten: no token from before lives any more.
    forget_at: Instant,
}

impl RevokedList {
    pub(super) fn new(store: Arc<dyn Revocations>, keep: Duration) -> Self {
        Self {
            store,
            keep,
            loaded: watch::Sender::new(false),
            entries: RwLock::default(),
            any: AtomicBool::new(false),
        }
    }

    /// Waits until what was revoked before this process began is known.
    ///
    /// # Errors
    /// 503 where that takes long: the store is away.
    pub(super) async fn loaded(&self) -> Result<(), ApiError> {
        if *self.loaded.borrow() {
            return Ok(());
        }
        let mut loaded = self.loaded.subscribe();
        let waited = timeout(LOADING, loaded.wait_for(|loaded| *loaded)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ApiError::Code(ErrorCode::StoreUnavailable)),
        }
    }

    /// The first news are in the list.
    pub(super) fn set_loaded(&self) {
        self.loaded.send_replace(true);
    }

    /// Keeps what a message revokes, for every process; `false` where it has counted before.
    pub(super) async fn revoke(
        &self,
        message: &str,
        revocations: &[Revocation],
    ) -> Result<bool, ApiError> {
        Ok(self.store.revoke(message, revocations, self.keep).await?)
    }

    /// Puts revocations into the list. Of two of the same, the later moment counts.
    pub(super) fn note(&self, revocations: &[Revocation]) {
        self.note_at(Instant::now(), revocations);
    }

    fn note_at(&self, now: Instant, revocations: &[Revocation]) {
        let mut entries = self.write();
        if entries.len() >= 64 && entries.len() == entries.capacity() {
            entries.retain(|_, entry| entry.forget_at > now);
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

    /// What is left of a reader.
    pub(super) fn standing(&self, who: &Principal) -> Standing {
        if !self.any.load(Ordering::Acquire) {
            return Standing::Whole;
        }
        let entries = self.read();
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
        // What the token says of an organisation is as old as its claims are.
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

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Revoked, Entry>> {
        // Nothing panics while it holds the lock.
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Revoked, Entry>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
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
    fn a_session_is_revoked_whenever_its_token_was_made_and_no_other_is() {
        let list = list();
        list.note(&[revocation(Revoked::Session("sess_1".into()), u64::MAX)]);
        assert_eq!(list.standing(&ann("sess_1", None, 9)), Standing::Revoked);
        assert_eq!(list.standing(&ann("sess_2", None, 9)), Standing::Whole);
        assert_eq!(list.standing(&ann("SESS_1", None, 9)), Standing::Whole);
    }

    #[test]
    fn of_a_user_what_was_issued_up_to_the_moment_is_revoked() {
        let list = list();
        let user = UserId::new("user_ann").unwrap();
        for until in [100, 90] {
            list.note(&[revocation(Revoked::User(user.clone()), until)]);
        }
        assert_eq!(list.standing(&ann("s", None, 100)), Standing::Revoked);
        assert_eq!(list.standing(&ann("s", None, 101)), Standing::Whole);
    }

    #[test]
    fn a_membership_takes_the_organisation_and_leaves_the_rest() {
        let org = OrgId::new("org_1").unwrap();
        let user = UserId::new("user_ann").unwrap();
        let member = Revoked::Member {
            org: org.clone(),
            user,
        };
        for what in [member, Revoked::Organization(org)] {
            let list = list();
            list.note(&[revocation(what, 100)]);
            let standing = |org, at| list.standing(&ann("s", org, at));
            assert_eq!(standing(Some("org_1"), 100), Standing::WithoutOrg);
            assert_eq!(standing(Some("org_1"), 101), Standing::Whole);
            assert_eq!(standing(Some("org_2"), 100), Standing::Whole);
            assert_eq!(standing(None, 100), Standing::Whole);
        }
    }

    #[tokio::test]
    async fn nothing_is_said_before_the_list_is_there() {
        let list = list();
        assert!(list.loaded().await.is_err());
        list.set_loaded();
        assert!(list.loaded().await.is_ok());
    }

    #[test]
    fn what_no_token_can_be_from_any_more_is_forgotten() {
        let (list, begun) = (list(), Instant::now());
        for n in 0..1000_u64 {
            let session = Revoked::Session(n.to_string().into());
            let at = begun + Duration::from_secs(n);
            list.note_at(at, &[revocation(session, u64::MAX)]);
        }
        assert!(list.read().len() < 300, "{}", list.read().len());
    }
}
