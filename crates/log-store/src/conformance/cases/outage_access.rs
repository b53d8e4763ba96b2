//! K4, V2 and V4: tickets and revocations when the connection to the store is lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::outage::SLACK;
use super::revocations::{session, until};
use super::tickets::{MINUTE, fresh_key, fresh_name};
use crate::conformance::subject::ConnectedWhole;
use crate::conformance::support::soon;

/// K4.
pub async fn a_ticket_of_a_store_that_is_away_is_an_error(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let (tickets, key) = (subject.tickets(), fresh_key(&*subject));
    tickets.put(&key, "grant", MINUTE).await.unwrap();
    connection.cut().await;
    let deadline = connection.deadline() + SLACK;
    let taken = timeout(deadline, tickets.take(&key)).await.unwrap();
    assert!(taken.unwrap_err().is_retryable());
    let put = timeout(deadline, tickets.put(&key, "grant", MINUTE))
        .await
        .unwrap();
    assert!(put.unwrap_err().is_retryable());
    connection.mend().await;
    let back = async {
        while tickets.put(&key, "again", MINUTE).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    soon(&*subject, "the store is back", back).await;
    let taken = tickets.take(&key).await.unwrap();
    assert_eq!(taken.as_deref(), Some("again"));
}

/// V2.
pub async fn a_revocation_while_the_store_is_away_is_noticed_when_it_is_back(
    subject: Arc<dyn ConnectedWhole>,
) {
    let connection = subject.connection();
    let revocations = subject.revocations();
    let mut watch = revocations.watch_revocations();
    watch.news().await.unwrap();
    // The notice and the loss happen at the same time.
    let name = fresh_name(&*subject);
    let revoked = session(&name);
    let revoke = revocations.revoke(&name, std::slice::from_ref(&revoked), MINUTE);
    revoke.await.unwrap();
    connection.cut().await;
    sleep(Duration::from_millis(50)).await;
    connection.mend().await;
    until(&*subject, &mut *watch, &revoked).await;
}

/// V4: a message that is sent again after a failure is processed.
pub async fn a_message_that_failed_has_done_nothing_or_all(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let revocations = subject.revocations();
    for round in 0..5_u64 {
        let name = fresh_name(&*subject);
        let revoked = session(&name);
        let once = std::slice::from_ref(&revoked);
        let (first, ()) = tokio::join!(revocations.revoke(&name, once, MINUTE), async {
            sleep(Duration::from_micros(100 * round)).await;
            connection.interrupt().await;
        });
        if let Err(error) = first {
            assert!(error.is_retryable(), "{error}");
        }
        let again = async {
            while revocations.revoke(&name, once, MINUTE).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        soon(&*subject, "the message counts", again).await;
        let mut watch = revocations.watch_revocations();
        until(&*subject, &mut *watch, &revoked).await;
    }
}
