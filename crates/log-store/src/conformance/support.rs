//! What the cases share: the runtime of a case, and waiting with an end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, Line, ReadLimit};
use tokio::time::timeout;

use super::subject::{Connection, Subject};
use crate::{LogWatch, NewLine};

/// The longest a case may take, over any store.
const CASE_LIMIT: Duration = Duration::from_secs(180);

/// More lines than any case appends.
pub(super) const ALL: ReadLimit = ReadLimit::lines(100_000);

/// Runs one case on a runtime of its own.
///
/// # Panics
/// Where the case fails, or takes longer than three minutes.
pub fn run<S, F, C>(subject: F, case: fn(Arc<dyn Subject>) -> C)
where
    S: Subject,
    F: Future<Output = S>,
    C: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let subject: Arc<dyn Subject> = Arc::new(subject.await);
        let ended = timeout(CASE_LIMIT, case(subject)).await;
        assert!(ended.is_ok(), "the case did not end in {CASE_LIMIT:?}");
    });
}

/// Awaits something that must come soon.
pub(super) async fn soon<T>(
    subject: &dyn Subject,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    let patience = subject.patience();
    timeout(patience, future)
        .await
        .unwrap_or_else(|_| panic!("not within {patience:?}: {what}"))
}

/// The subject's connection; a store without one says so, and its case holds vacuously.
pub(super) fn connection(subject: &dyn Subject) -> Option<Arc<dyn Connection>> {
    let connection = subject.connection();
    if connection.is_none() {
        eprintln!("this store has no connection to lose: nothing to hold for");
    }
    connection
}

/// Polls a future once and drops it.
pub(super) async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::pin!(future);
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

pub(super) const fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

pub(super) fn line(text: impl Into<String>) -> NewLine {
    NewLine {
        text: Some(text.into()),
        ..NewLine::default()
    }
}

/// Lines of the texts `prefix-0`, `prefix-1`, ….
pub(super) fn numbered(prefix: &str, count: usize) -> Vec<NewLine> {
    (0..count).map(|n| line(format!("{prefix}-{n}"))).collect()
}

pub(super) fn ids(lines: &[Line]) -> Vec<EntryId> {
    lines.iter().map(|line| line.id).collect()
}

pub(super) fn texts(lines: &[Line]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line.text.as_deref().unwrap_or("<none>"))
        .collect()
}

/// Reads through a watch until the store answers: right after an outage it may still refuse.
pub(super) async fn read_after(watch: &mut dyn LogWatch, after: EntryId) -> crate::TailRead {
    loop {
        match watch.read_after(after, ALL).await {
            Ok(onward) => return onward,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A reader as every follower is written: it waits for a notice, then reads on until nothing more comes.
pub(super) struct Follower {
    pub(super) watch: Box<dyn LogWatch>,
    pub(super) position: EntryId,
    pub(super) seen: Vec<Line>,
    pub(super) notices: usize,
}

impl Follower {
    pub(super) fn new(watch: Box<dyn LogWatch>) -> Self {
        Self {
            watch,
            position: EntryId::ZERO,
            seen: Vec::new(),
            notices: 0,
        }
    }

    /// Waits for one notice, and reads on. A read that fails is tried again after the next notice or a moment.
    pub(super) async fn step(&mut self) {
        self.watch.changed().await;
        self.notices += 1;
        loop {
            match self
                .watch
                .read_after(self.position, ReadLimit::lines(100))
                .await
            {
                Ok(onward) => {
                    if let Some(last) = onward.lines.last() {
                        self.position = last.id;
                    }
                    self.seen.extend(onward.lines);
                    if !onward.more {
                        return;
                    }
                }
                Err(error) => {
                    assert!(error.is_retryable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    return;
                }
            }
        }
    }

    /// Follows until `count` lines are there.
    pub(super) async fn until(&mut self, count: usize) {
        while self.seen.len() < count {
            self.step().await;
        }
    }
}
