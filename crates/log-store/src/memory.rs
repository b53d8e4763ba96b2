//! The store in memory: the contract in few lines.

mod access;
mod data;
mod numbered;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{
    Batch, EntryId, Job, JobId, JobStatus, Lifecycle, LogBounds, Order, OrgId, ReadLimit, Span,
};
use parking_lot::Mutex;

use self::data::{Data, Log, Record, stored};
use crate::append::OPEN;
use crate::notice::Notices;
use crate::noticed_watch::NoticedWatch;
use crate::{
    CreateJobError, JobDetails, JobWatch, JobWrites, Jobs, LocalAccess, LogAppend, LogStore,
    LogWatch, NewJob, NewLine, StoreError, TailRead, Transition, TransitionError,
};

/// A3.
const KEPT_LINES: usize = 50_000;

/// A store in memory, the reference for the contract. For tests, examples and a process that may forget: it keeps nothing on
/// disk, and removes an expired log when the log is used next.
///
/// It does no I/O, spawns no task and sets no timer, so it works on a paused clock. Ages are in tokio's time. Clones share
/// one store. Its own methods stand for what happens to a store from outside: foreign producers, operators, expiry.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    logs: Arc<Notices<JobId>>,
    jobs: Arc<Notices<JobId>>,
    access: LocalAccess,
    lifecycle: Lifecycle,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store with statuses of your own.
    #[must_use]
    pub fn with_lifecycle(lifecycle: Lifecycle) -> Self {
        Self {
            lifecycle,
            ..Self::default()
        }
    }

    /// Appends a line under a given id.
    ///
    /// # Panics
    /// If the id is not above the log's last one.
    pub fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.data.lock().log_mut(job).push(id, stored(id, line));
        self.logs.notify(job);
    }

    /// Appends a line of raw fields. Unknown fields are dropped.
    ///
    /// # Panics
    /// If the id is not above the log's last one.
    pub fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        let field = |name| {
            let (_, value) = fields.iter().find(|(known, _)| *known == name)?;
            Some(String::from_utf8_lossy(value).into_owned())
        };
        let line = NewLine {
            ts: field("ts").map(Into::into),
            source: field("source").map(Into::into),
            text: field("text"),
            phase: field("phase"),
            open: field("open").as_deref() == Some(OPEN),
        };
        self.append_at(job, id, &line);
    }

    /// Removes all but the newest `keep` lines.
    pub fn trim_to(&self, job: &JobId, keep: usize) {
        if let Some(log) = self.data.lock().logs.get_mut(job) {
            log.trim_to(keep);
        }
        self.logs.notify(job);
    }

    /// Deletes one line.
    pub fn delete_line(&self, job: &JobId, id: EntryId) {
        if let Some(log) = self.data.lock().logs.get_mut(job)
            && log.lines.remove(&id).is_some()
        {
            log.max_deleted_id = log.max_deleted_id.max(id);
        }
        self.logs.notify(job);
    }

    /// Deletes a log.
    pub fn delete_log(&self, job: &JobId) {
        self.data.lock().logs.remove(job);
        self.logs.notify(job);
    }

    /// Makes a log older. After 24 hours it is removed at once.
    pub fn age_log(&self, job: &JobId, by: Duration) {
        let mut data = self.data.lock();
        if let Some(log) = data.logs.get_mut(job) {
            log.aged = log.aged.saturating_add(by);
        }
        let is_expired = data.log(job).is_none();
        drop(data);
        if is_expired {
            self.logs.notify(job);
        }
    }

    /// Writes the status of a job that exists, as text.
    pub fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        if let Some(record) = self.data.lock().records.get_mut(job) {
            record.status = status.map(str::to_owned);
        }
        self.jobs.notify(job);
    }

    /// Removes the owner from a job's record.
    pub fn remove_owner(&self, job: &JobId) {
        if let Some(record) = self.data.lock().records.get_mut(job) {
            record.owner = None;
        }
        self.jobs.notify(job);
    }

    /// Writes the organisation of a job that exists, as text.
    pub fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        if let Some(record) = self.data.lock().records.get_mut(job) {
            record.org = org.and_then(OrgId::new);
        }
        self.jobs.notify(job);
    }

    /// Deletes a job's record.
    pub fn delete_job(&self, job: &JobId) {
        let mut data = self.data.lock();
        data.records.remove(job);
        data.claims.remove(job);
        drop(data);
        self.jobs.notify(job);
    }

    /// How many logs and jobs are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.logs.watched() + self.jobs.watched() + self.access.watched()
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let mut data = self.data.lock();
        Ok(data
            .log(job)
            .map(|log| log.read(span, order, limit))
            .unwrap_or_default())
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let mut data = self.data.lock();
        let Some(log) = data.log(job) else {
            return Ok(TailRead {
                lines: Vec::new(),
                more: false,
                bounds: LogBounds::ABSENT,
                lost: false,
            });
        };
        let Batch { lines, more } = log.read(Span::after(after), Order::OldestFirst, limit);
        Ok(TailRead {
            lines,
            more,
            bounds: log.bounds(),
            lost: log.bounds().must_have(after) && !log.lines.contains_key(&after),
        })
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        Ok(self
            .data
            .lock()
            .log(job)
            .map_or(LogBounds::ABSENT, Log::bounds))
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(NoticedWatch {
            store: self.clone(),
            notice: self.logs.subscribe(job),
        })
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl LogAppend for MemoryStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = Vec::with_capacity(lines.len());
        let mut data = self.data.lock();
        let log = data.log_mut(job);
        for line in lines {
            let id = log.next_id()?;
            log.push(id, stored(id, line));
            ids.push(id);
        }
        log.trim_to(KEPT_LINES);
        drop(data);
        self.logs.notify(job);
        Ok(ids)
    }
}

#[async_trait]
impl Jobs for MemoryStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let data = self.data.lock();
        let record = data.records.get(job);
        Ok(record.map(|record| record.job(&self.lifecycle)))
    }

    async fn details(&self, job: &JobId) -> Result<Option<JobDetails>, StoreError> {
        let data = self.data.lock();
        Ok(data.records.get(job).map(|record| JobDetails {
            job: record.job(&self.lifecycle),
            created_at: record.created_at.clone(),
            updated_at: record.updated_at.clone(),
            status_message: record.status_message.clone(),
        }))
    }

    fn watch_job(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(NoticedWatch {
            store: self.clone(),
            notice: self.jobs.subscribe(job),
        })
    }

    async fn ping_jobs(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl JobWrites for MemoryStore {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let mut data = self.data.lock();
        if data.records.contains_key(job) {
            return Err(CreateJobError::Exists);
        }
        let record = Record {
            status: Some(new.status.as_str().to_owned()),
            owner: Some(new.owner.clone()),
            org: new.org.clone(),
            created_at: Some(new.created_at.into()),
            updated_at: None,
            status_message: None,
        };
        data.records.insert(job.clone(), record);
        drop(data);
        self.jobs.notify(job);
        Ok(())
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let before = self.data.lock().transition(&self.lifecycle, job, step)?;
        self.jobs.notify(job);
        Ok(before)
    }
}
