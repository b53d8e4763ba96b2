//! A store that loses answers, and helpers that read a log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use log_domain::{EntryId, JobId, JobStatus, Line, Order, ReadLimit, Span, UserId};
use log_store::{
    FaultyStore, Jobs, LogAppend, LogStore, MemoryStore, NewLine, StoreError, StoreRefused,
    StoreUnavailable,
};
use log_writer::{Stores, create_job};

/// A store in memory whose connection can be cut.
pub(crate) type Store = FaultyStore<MemoryStore>;

pub(crate) fn store() -> Arc<Store> {
    Arc::new(FaultyStore::new(MemoryStore::new()))
}

pub(crate) fn job() -> JobId {
    "job-1".parse().unwrap()
}

/// A store with a queued job.
pub(crate) async fn store_with_job() -> Arc<Store> {
    let store = store();
    let owner = UserId::new("user_ann").unwrap();
    create_job(&*store, &job(), owner).await.unwrap();
    store
}

/// All lines of the log.
pub(crate) async fn lines(store: &Store) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut after = EntryId::ZERO;
    loop {
        let limit = ReadLimit::lines(1000);
        let span = Span::after(after);
        let batch = store
            .inner()
            .read(&job(), span, Order::OldestFirst, limit)
            .await
            .unwrap();
        after = batch.lines.last().map_or(after, |line| line.id);
        lines.extend(batch.lines);
        if !batch.more {
            return lines;
        }
    }
}

/// The texts of all lines.
pub(crate) async fn texts(store: &Store) -> Vec<String> {
    let lines = lines(store).await;
    lines.into_iter().map(|line| line.text.unwrap()).collect()
}

pub(crate) async fn status(store: &Store) -> JobStatus {
    store.inner().get(&job()).await.unwrap().unwrap().status
}

/// The texts of numbered lines.
pub(crate) fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("line {n}")).collect()
}

/// The same lines as the output of a command.
pub(crate) fn output(range: std::ops::Range<usize>) -> Vec<u8> {
    let mut text = numbered(range).join("\n");
    text.push('\n');
    text.into_bytes()
}

/// What an append of a [`Flaky`] store does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Appends at most this many lines, and fails as if the answer was lost.
    LoseAnswerAfter(usize),
    /// Appends at most this many lines, and refuses the others.
    RefuseAfter(usize),
    /// Succeeds.
    Work,
}

/// Appends to a store. Each call has a fate; after the last fate all calls succeed.
pub(crate) struct Flaky {
    store: Arc<Store>,
    fates: Mutex<VecDeque<Fate>>,
    /// What another producer appends before and after each call.
    pub(crate) meanwhile: Vec<NewLine>,
}

impl Flaky {
    pub(crate) fn new(store: &Arc<Store>, fates: impl IntoIterator<Item = Fate>) -> Self {
        Self {
            store: Arc::clone(store),
            fates: Mutex::new(fates.into_iter().collect()),
            meanwhile: Vec::new(),
        }
    }

    /// The stores for a writer that appends through this store.
    pub(crate) fn stores(self) -> Stores {
        let store = Arc::clone(&self.store);
        Stores {
            append: Arc::new(self),
            ..Stores::from(store)
        }
    }
}

#[async_trait]
impl LogAppend for Flaky {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Work);
        let appended = match fate {
            Fate::LoseAnswerAfter(n) | Fate::RefuseAfter(n) => n.min(lines.len()),
            Fate::Work => lines.len(),
        };
        self.store.append(job, &self.meanwhile).await?;
        let ids = self.store.append(job, &lines[..appended]).await?;
        self.store.append(job, &self.meanwhile).await?;
        match fate {
            Fate::LoseAnswerAfter(_) => Err(StoreUnavailable::new("the answer was lost").into()),
            Fate::RefuseAfter(_) => Err(StoreRefused::new("no").into()),
            Fate::Work => Ok(ids),
        }
    }
}
