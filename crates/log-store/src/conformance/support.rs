//! What the cases share: the runtime of a case, waiting with a time limit, and a follower.

use std::any::{Any, TypeId};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log_domain::{EntryId, Line, ReadLimit};
use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::subject::Subject;
use crate::append::NewLine;
use crate::lines::{LogWatch, TailRead};

/// The longest a case may take, over any store.
const CASE_LIMIT: Duration = Duration::from_secs(180);

/// A short wait, of a reader that has other things to do.
pub(super) const SHORT: Duration = Duration::from_millis(5);

/// More lines than any case appends.
pub(super) const ALL: ReadLimit = ReadLimit::lines(100_000);

/// Runs one case on a new runtime.
///
/// # Panics
/// Where the case fails, or takes longer than three minutes.
pub fn run<S, F, C>(subject: F, case: impl FnOnce(Arc<S>) -> C)
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
        let subject = Arc::new(subject.await);
        let ended = timeout(CASE_LIMIT, case(subject)).await;
        assert!(ended.is_ok(), "the case did not end in {CASE_LIMIT:?}");
    });
}

/// How many cases run at the same time in [`run_together`].
const THREADS: usize = 4;

/// Runs all cases, some at the same time.
///
/// # Panics
/// Names the cases that failed, when all have ended.
pub fn run_together(parts: &[&[Case]]) {
    let failed = failures(parts);
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// A case: its rule and name, and what runs it.
pub type Case = (&'static str, fn());

/// Runs all cases, some at the same time. Returns those that failed.
#[must_use]
pub fn failures(parts: &[&[Case]]) -> Vec<&'static str> {
    let cases: Vec<_> = parts.concat();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((name, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if std::panic::catch_unwind(case).is_err() {
                        failed.lock().push(*name);
                    }
                }
            });
        }
    });
    failed.into_inner()
}

/// The types of subjects of which a case has waited in vain.
static WAITED_IN_VAIN: Mutex<Vec<TypeId>> = Mutex::new(Vec::new());

/// How long the cases of such a subject wait afterwards: a store that gives no notices fails dozens of cases, which would
/// take minutes. The suite has failed anyway.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);

/// A step of a wait.
const STEP: Duration = Duration::from_millis(10);

/// Awaits something that must happen soon.
pub(super) async fn soon<T>(
    subject: &dyn Subject,
    what: &str,
    future: impl Future<Output = T>,
) -> T {
    let whose = (subject as &dyn Any).type_id();
    let patience = if WAITED_IN_VAIN.lock().contains(&whose) {
        LITTLE_PATIENCE.min(subject.patience())
    } else {
        subject.patience()
    };
    tokio::select! {
        biased;
        value = future => value,
        () = running_for(patience) => {
            WAITED_IN_VAIN.lock().push(whose);
            panic!("not within {patience:?}: {what}")
        }
    }
}

/// Waits for a time in which this process runs: in steps, of which each takes longer where the machine is too busy to run it.
async fn running_for(time: Duration) {
    for _ in 0..time.as_millis() / STEP.as_millis() {
        sleep(STEP).await;
    }
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

/// Lines with the texts `prefix-0`, `prefix-1`, ….
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

/// Reads through a watch until the store answers. Right after an outage a read may still fail. Lets others run first: a store
/// in memory may have notices and answers without end, and then the time of a wait would never be over.
pub(super) async fn read_after(watch: &mut dyn LogWatch, after: EntryId) -> TailRead {
    yield_now().await;
    loop {
        match watch.read_after(after, ALL).await {
            Ok(tail) => return tail,
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A reader as every follower is written: it waits for a notice, then reads until there are no more lines.
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

    /// Waits for one notice, then reads. A failed read is tried again after a moment and the next notice.
    pub(super) async fn step(&mut self) {
        self.watch.changed().await;
        self.notices += 1;
        // See `read_after`.
        yield_now().await;
        loop {
            match self
                .watch
                .read_after(self.position, ReadLimit::lines(100))
                .await
            {
                Ok(tail) => {
                    if let Some(last) = tail.lines.last() {
                        self.position = last.id;
                    }
                    self.seen.extend(tail.lines);
                    if !tail.more {
                        return;
                    }
                }
                Err(error) => {
                    assert!(error.is_retryable(), "{error}");
                    sleep(Duration::from_millis(20)).await;
                    return;
                }
            }
        }
    }

    /// Follows until `count` lines were read.
    pub(super) async fn until(&mut self, count: usize) {
        while self.seen.len() < count {
            self.step().await;
        }
    }
}
