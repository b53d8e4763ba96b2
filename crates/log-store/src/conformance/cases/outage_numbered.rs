//! P5 when the connection to the store is lost.

use std::sync::Arc;
use std::time::Duration;

use log_domain::EntryId;
use tokio::time::{Instant, sleep};

use super::numbered::{batch, expected};
use crate::conformance::subject::ConnectedWhole;
use crate::conformance::support::{numbered, read_after, soon, texts};
use crate::error::StoreError;
use crate::numbered::NumberedAppendError;

/// So many rounds there are, each with a loss at another moment of the append.
const ROUNDS: u32 = 8;

/// How many lines are appended. Several steps of the store.
const LINES: usize = 1_200;

/// P5: the connection is lost at any moment, and the producer sends the same batch until it succeeds.
pub async fn a_numbered_append_that_failed_is_repeated_without_loss_or_repeat(
    subject: Arc<dyn ConnectedWhole>,
) {
    let (connection, to) = (subject.connection(), subject.numbered());
    let (lines, all) = (numbered("w", LINES), batch("w", 0, 0));
    let begin = Instant::now();
    to.append_numbered(&subject.fresh_job(), &all, &lines)
        .await
        .unwrap();
    let undisturbed = begin.elapsed();
    for round in 0..ROUNDS {
        let job = subject.fresh_job();
        let (writer, to_job, batch, part) =
            (Arc::clone(&to), job.clone(), all.clone(), lines.clone());
        let appending = tokio::spawn(async move {
            let mut failures = 0_u32;
            loop {
                match writer.append_numbered(&to_job, &batch, &part).await {
                    Ok(done) => return (done, failures),
                    Err(NumberedAppendError::Store(StoreError::Unavailable(_))) => failures += 1,
                    Err(error) => panic!("{error}"),
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        sleep(undisturbed * round / ROUNDS).await;
        connection.interrupt().await;
        let (done, _) = soon(&*subject, "an append", appending).await.unwrap();
        assert_eq!(done.next, LINES as u64);
        let mut watch = subject.store().watch_log(&job);
        let whole = soon(&*subject, "a read", read_after(&mut *watch, EntryId::ZERO)).await;
        assert_eq!(texts(&whole.lines), expected("w", LINES), "round {round}");
    }
}
