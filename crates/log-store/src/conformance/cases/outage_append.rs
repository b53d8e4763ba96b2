//! A4 and A5: appends when the connection to the store is lost.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, ReadLimit};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

use crate::append::NewLine;
use crate::conformance::subject::ConnectedWhole;
use crate::conformance::support::{numbered, read_after, soon, texts};
use crate::error::StoreError;

/// So many rounds there are at least. They go on until an append has failed.
const MIN_ROUNDS: u32 = 6;

/// After so many rounds without a failed append, the case fails.
const MAX_ROUNDS: u32 = 200;

/// Into how many moments the time of one append is divided. The connection is lost at another one in each round.
const MOMENTS: u32 = 8;

/// Losing the connection during appends, until one of them has failed.
struct Losses {
    /// How long an append takes without a loss.
    undisturbed: Duration,
    round: u32,
    failed: u32,
}

type Append = JoinHandle<Result<Vec<EntryId>, StoreError>>;

fn append(subject: &dyn ConnectedWhole, job: &JobId, lines: &[NewLine]) -> Append {
    let (appender, job, lines) = (subject.appender(), job.clone(), lines.to_vec());
    tokio::spawn(async move { appender.append(&job, &lines).await })
}

impl Losses {
    async fn new(subject: &dyn ConnectedWhole, lines: &[NewLine]) -> Self {
        let mut undisturbed = Duration::MAX;
        // The least of three: on a busy machine one of them can take so long that every loss would come too late.
        for _ in 0..3 {
            let begin = Instant::now();
            let appended = append(subject, &subject.fresh_job(), lines).await;
            appended.unwrap().unwrap();
            undisturbed = undisturbed.min(begin.elapsed());
        }
        Self {
            undisturbed,
            round: 0,
            failed: 0,
        }
    }

    /// Whether there is to be another round.
    fn goes_on(&self) -> bool {
        let needs_more = self.round < MIN_ROUNDS || self.failed == 0;
        assert!(
            self.round < MAX_ROUNDS || !needs_more,
            "no append has failed"
        );
        needs_more
    }

    /// Waits for the moment of this round. A timer would not be exact enough.
    async fn moment(&mut self) {
        let moment = self.undisturbed * (self.round % MOMENTS) / MOMENTS;
        self.round += 1;
        let begin = Instant::now();
        while begin.elapsed() < moment {
            yield_now().await;
        }
    }

    fn count(&mut self, appended: &Result<Vec<EntryId>, StoreError>) {
        self.failed += u32::from(appended.is_err());
    }
}

/// A4: an append fails at any moment.
pub async fn an_append_that_fails_leaves_the_first_of_its_lines(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let lines = numbered("line", 3_000);
    let expected: Vec<_> = lines
        .iter()
        .map(|line| line.text.as_deref().unwrap())
        .collect();
    let mut losses = Losses::new(&*subject, &lines).await;
    while losses.goes_on() {
        let job = subject.fresh_job();
        let append = append(&*subject, &job, &lines);
        losses.moment().await;
        connection.cut().await;
        let appended = append.await.unwrap();
        losses.count(&appended);
        connection.mend().await;
        let back = async {
            while subject.store().ping_logs().await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        soon(&*subject, "the store", back).await;
        let mut watch = subject.store().watch_log(&job);
        let found = read_after(&mut *watch, EntryId::ZERO).await;
        let found = texts(&found.lines);
        assert_eq!(found, expected[..found.len()], "round {}", losses.round);
        if appended.is_ok() {
            assert_eq!(found.len(), expected.len(), "round {}", losses.round);
        }
    }
}

/// A5: lines that a read does not find after a failed append do not come later.
pub async fn an_append_that_failed_is_seen_or_never_comes(subject: Arc<dyn ConnectedWhole>) {
    let connection = subject.connection();
    let (store, all) = (subject.store(), ReadLimit::lines(10_000));
    let lines = numbered("line", 2_000);
    let mut losses = Losses::new(&*subject, &lines).await;
    while losses.goes_on() {
        let job = subject.fresh_job();
        let append = append(&*subject, &job, &lines);
        losses.moment().await;
        connection.interrupt().await;
        let appended = append.await.unwrap();
        losses.count(&appended);
        // The connection may still be coming back.
        let count = async || {
            loop {
                match store.read_after(&job, EntryId::ZERO, all).await {
                    Ok(tail) => return tail.lines.len(),
                    Err(_) => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let found = soon(&*subject, "a read", count()).await;
        let round = losses.round;
        assert!(
            appended.is_err() || found == lines.len(),
            "round {round}: {found}"
        );
        sleep(Duration::from_millis(100)).await;
        let later = soon(&*subject, "a later read", count()).await;
        assert_eq!(later, found, "round {round}");
    }
}
