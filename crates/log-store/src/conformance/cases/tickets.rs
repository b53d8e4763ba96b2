//! K1 to K3: tickets.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::access::TicketKey;
use crate::conformance::subject::{Subject, TicketSubject};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A new key.
pub(super) fn fresh_key(subject: &dyn Subject) -> TicketKey {
    let name = subject.fresh_job();
    let mut digest = [0_u8; 32];
    for (n, byte) in name.as_str().bytes().enumerate() {
        digest[n % 32] = byte.wrapping_add(digest[n % 32].wrapping_mul(31));
    }
    TicketKey::new(digest)
}

/// A new id of a message or a session.
pub(super) fn fresh_name(subject: &dyn Subject) -> String {
    subject.fresh_job().as_str().to_owned()
}

/// K1.
pub async fn a_ticket_is_taken_once(subject: Arc<dyn TicketSubject>) {
    let (tickets, key) = (subject.tickets(), fresh_key(&*subject));
    let grant = r#"{"job":"ä"}"#;
    tickets.put(&key, grant, MINUTE).await.unwrap();
    assert_eq!(tickets.take(&key).await.unwrap().as_deref(), Some(grant));
    assert_eq!(tickets.take(&key).await.unwrap(), None);
}

/// K1.
pub async fn of_many_takers_of_a_ticket_one_gets_it(subject: Arc<dyn TicketSubject>) {
    let (tickets, key) = (subject.tickets(), fresh_key(&*subject));
    for _ in 0..20 {
        tickets.put(&key, "grant", MINUTE).await.unwrap();
        let take = |_| {
            let tickets = Arc::clone(&tickets);
            tokio::spawn(async move { tickets.take(&key).await.unwrap() })
        };
        let takers: Vec<_> = (0..16).map(take).collect();
        let mut taken = 0;
        for taker in takers {
            taken += usize::from(taker.await.unwrap().is_some());
        }
        assert_eq!(taken, 1);
    }
}

/// K2.
pub async fn a_ticket_exists_for_its_life_and_no_longer(subject: Arc<dyn TicketSubject>) {
    let (tickets, short, long) = (
        subject.tickets(),
        fresh_key(&*subject),
        fresh_key(&*subject),
    );
    let life = Duration::from_millis(300);
    tickets.put(&short, "short", life).await.unwrap();
    tickets.put(&long, "long", MINUTE).await.unwrap();
    sleep(life + Duration::from_millis(50)).await;
    assert_eq!(tickets.take(&short).await.unwrap(), None);
    assert!(tickets.take(&long).await.unwrap().is_some());
}

/// K3.
pub async fn a_ticket_that_is_put_again_is_replaced(subject: Arc<dyn TicketSubject>) {
    let (tickets, key) = (subject.tickets(), fresh_key(&*subject));
    tickets.put(&key, "first", MINUTE).await.unwrap();
    tickets.put(&key, "second", MINUTE).await.unwrap();
    let taken = tickets.take(&key).await.unwrap();
    assert_eq!(taken.as_deref(), Some("second"));
    assert_eq!(tickets.take(&key).await.unwrap(), None);
}

/// K3.
pub async fn a_ticket_that_was_never_put_is_none(subject: Arc<dyn TicketSubject>) {
    let taken = subject.tickets().take(&fresh_key(&*subject)).await;
    assert_eq!(taken.unwrap(), None);
}
