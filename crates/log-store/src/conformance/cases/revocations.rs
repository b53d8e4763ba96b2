//! V1 to V3: revocations.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{OrgId, Revocation, Revoked, UserId};
use tokio::time::{sleep, timeout};

use super::tickets::{MINUTE, fresh_name};
use crate::access::RevocationWatch;
use crate::conformance::subject::RevocationSubject;
use crate::conformance::support::soon;

pub(super) fn session(name: &str) -> Revocation {
    Revocation {
        what: Revoked::Session(name.into()),
        issued_until: u64::MAX,
    }
}

/// Reads until a revocation comes. Other tests may revoke at the same time.
pub(super) async fn until(
    subject: &dyn RevocationSubject,
    watch: &mut dyn RevocationWatch,
    wanted: &Revocation,
) {
    soon(subject, "a revocation", async {
        loop {
            watch.changed().await;
            // Notices without end must not keep the time of the wait from passing.
            tokio::task::yield_now().await;
            match watch.news().await {
                Ok(news) if news.contains(wanted) => return,
                Ok(_) => {}
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    })
    .await;
}

/// V1.
pub async fn every_watch_reads_a_revocation(subject: Arc<dyn RevocationSubject>) {
    let revocations = subject.revocations();
    let mut before = revocations.watch_revocations();
    before.news().await.unwrap();
    let name = fresh_name(&*subject);
    let (org, user) = (OrgId::new(&name).unwrap(), UserId::new(&name).unwrap());
    let all = [
        Revoked::Session(name.as_str().into()),
        Revoked::User(user.clone()),
        Revoked::Organization(org.clone()),
        Revoked::Member { org, user },
    ]
    .map(|what| Revocation {
        what,
        issued_until: 1_666_648_255,
    });
    assert!(revocations.revoke(&name, &all, MINUTE).await.unwrap());
    let mut after = revocations.watch_revocations();
    for watch in [&mut before, &mut after] {
        let news = watch.news().await.unwrap();
        assert!(all.iter().all(|revocation| news.contains(revocation)));
    }
}

/// V1.
pub async fn revocations_are_read_once_and_in_order(subject: Arc<dyn RevocationSubject>) {
    let revocations = subject.revocations();
    let mut watch = revocations.watch_revocations();
    let mut seen = Vec::new();
    let mut expected = Vec::new();
    for _ in 0..10 {
        let name = fresh_name(&*subject);
        let revoked = [session(&name)];
        revocations.revoke(&name, &revoked, MINUTE).await.unwrap();
        let [revoked] = revoked;
        until(&*subject, &mut *watch, &revoked).await;
        seen.extend(watch.news().await.unwrap());
        expected.push(revoked);
    }
    assert!(!seen.iter().any(|revoked| expected.contains(revoked)));
    let mut all = revocations.watch_revocations().news().await.unwrap();
    all.retain(|revoked| expected.contains(revoked));
    assert_eq!(all, expected);
}

/// V1.
pub async fn many_revocations_are_all_read(subject: Arc<dyn RevocationSubject>) {
    let revocations = subject.revocations();
    let names: Vec<_> = (0..1_200).map(|_| fresh_name(&*subject)).collect();
    for names in names.chunks(400) {
        let revoked: Vec<_> = names.iter().map(|name| session(name)).collect();
        let message = fresh_name(&*subject);
        revocations
            .revoke(&message, &revoked, MINUTE)
            .await
            .unwrap();
    }
    let news = revocations.watch_revocations().news().await.unwrap();
    let read: HashSet<_> = news.into_iter().map(|revoked| revoked.what).collect();
    for name in &names {
        assert!(read.contains(&Revoked::Session(name.as_str().into())));
    }
}

/// V1: a message with a short life shortens that of no other.
pub async fn a_revocation_outlives_a_later_message_with_a_shorter_life(
    subject: Arc<dyn RevocationSubject>,
) {
    let revocations = subject.revocations();
    let name = fresh_name(&*subject);
    let revoked = session(&name);
    let revoke = revocations.revoke(&name, std::slice::from_ref(&revoked), MINUTE);
    revoke.await.unwrap();
    let life = Duration::from_millis(50);
    // One that revokes nothing, and one that revokes so much that old entries would be removed.
    let many: Vec<_> = (0..300).map(|n| session(&format!("{name}-{n}"))).collect();
    for later in [&[], many.as_slice()] {
        let message = fresh_name(&*subject);
        assert!(revocations.revoke(&message, later, life).await.unwrap());
    }
    sleep(2 * life).await;
    let read = revocations.watch_revocations().news().await.unwrap();
    assert!(read.contains(&revoked));
}

/// V2.
pub async fn a_watch_of_revocations_has_a_notice_at_once_and_after_each_revocation(
    subject: Arc<dyn RevocationSubject>,
) {
    let revocations = subject.revocations();
    let mut watch = revocations.watch_revocations();
    soon(&*subject, "the first notice", watch.changed()).await;
    watch.news().await.unwrap();
    for _ in 0..5 {
        let name = fresh_name(&*subject);
        let revoked = session(&name);
        let revoke = revocations.revoke(&name, std::slice::from_ref(&revoked), MINUTE);
        revoke.await.unwrap();
        let read = until(&*subject, &mut *watch, &revoked);
        timeout(Duration::from_secs(2), read).await.unwrap();
    }
}

/// V3.
pub async fn a_message_is_processed_once(subject: Arc<dyn RevocationSubject>) {
    let (revocations, message) = (subject.revocations(), fresh_name(&*subject));
    let [first, second] = [(); 2].map(|()| session(&fresh_name(&*subject)));
    let call = |revoked: &Revocation| {
        let (revocations, message, revoked) =
            (Arc::clone(&revocations), message.clone(), revoked.clone());
        async move { revocations.revoke(&message, &[revoked], MINUTE).await }
    };
    assert!(call(&first).await.unwrap());
    assert!(!call(&second).await.unwrap());
    let news = revocations.watch_revocations().news().await.unwrap();
    assert!(news.contains(&first) && !news.contains(&second));
    // After `keep`, a message with this id is processed again.
    let (short, life) = (fresh_name(&*subject), Duration::from_millis(100));
    assert!(revocations.revoke(&short, &[], life).await.unwrap());
    sleep(life + Duration::from_millis(50)).await;
    assert!(revocations.revoke(&short, &[], life).await.unwrap());
}

/// V3.
pub async fn a_message_that_is_sent_many_times_at_once_is_processed_once(
    subject: Arc<dyn RevocationSubject>,
) {
    let (revocations, message) = (subject.revocations(), fresh_name(&*subject));
    let call = |_| {
        let (revocations, message) = (Arc::clone(&revocations), message.clone());
        tokio::spawn(async move { revocations.revoke(&message, &[], MINUTE).await.unwrap() })
    };
    let calls: Vec<_> = (0..16).map(call).collect();
    let mut counted = 0;
    for call in calls {
        counted += usize::from(call.await.unwrap());
    }
    assert_eq!(counted, 1);
}
