//! The data of the store in memory: logs and job records, without notices.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log_domain::{
    Batch, EntryId, Job, JobId, JobStatus, Lifecycle, Line, LogBounds, Order, OrgId, ProducerName,
    ProducerState, ReadLimit, Span, Timestamp, UserId,
};
use tokio::time::Instant;

use crate::{NewLine, RunId, StoreError, StoreRefused, Transition, TransitionError};

const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) logs: HashMap<JobId, Log>,
    pub(super) records: HashMap<JobId, Record>,
    /// Which run has a job, and until when.
    pub(super) claims: HashMap<JobId, (RunId, Instant)>,
}

#[derive(Debug)]
pub(super) struct Log {
    pub(super) lines: BTreeMap<EntryId, Line>,
    pub(super) last_id: EntryId,
    pub(super) max_deleted_id: EntryId,
    pub(super) entries_added: u64,
    pub(super) producers: HashMap<ProducerName, ProducerState>,
    /// When it was last appended to.
    pub(super) appended_at: Instant,
    /// By how much it was made older since.
    pub(super) aged: Duration,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) status: Option<String>,
    pub(super) owner: Option<UserId>,
    pub(super) org: Option<OrgId>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) status_message: Option<String>,
}

impl Data {
    /// A log, unless it is expired.
    pub(super) fn log(&mut self, job: &JobId) -> Option<&Log> {
        self.remove_expired(job);
        self.logs.get(job)
    }

    /// A log to append to, with a new time of its last append.
    pub(super) fn log_mut(&mut self, job: &JobId) -> &mut Log {
        self.remove_expired(job);
        let log = self.logs.entry(job.clone()).or_insert_with(Log::new);
        (log.appended_at, log.aged) = (Instant::now(), Duration::ZERO);
        log
    }

    /// Takes one step of a job, and returns the status before.
    pub(super) fn transition(
        &mut self,
        lifecycle: &Lifecycle,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let record = self.records.get_mut(job).ok_or(TransitionError::NotFound)?;
        let before = record.status(lifecycle);
        lifecycle.check_step(&before, &step.to)?;
        record.status = Some(step.to.as_str().to_owned());
        record.updated_at = Some(step.at.into());
        record.status_message = Some(step.message.clone());
        Ok(before)
    }

    fn remove_expired(&mut self, job: &JobId) {
        let is_expired = |log: &Log| log.appended_at.elapsed().saturating_add(log.aged) >= KEPT_FOR;
        if self.logs.get(job).is_some_and(is_expired) {
            self.logs.remove(job);
        }
    }
}

impl Log {
    fn new() -> Self {
        Self {
            lines: BTreeMap::new(),
            last_id: EntryId::ZERO,
            max_deleted_id: EntryId::ZERO,
            entries_added: 0,
            producers: HashMap::new(),
            appended_at: Instant::now(),
            aged: Duration::ZERO,
        }
    }

    pub(super) fn push(&mut self, id: EntryId, line: Line) {
        assert!(id > self.last_id, "{id:?} is not above {:?}", self.last_id);
        self.lines.insert(id, line);
        self.last_id = id;
        self.entries_added += 1;
    }

    /// The id of a line appended now: the time, or the next id if the last id is ahead of the clock.
    pub(super) fn next_id(&self) -> Result<EntryId, StoreError> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = EntryId::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), 0);
        let next = self.last_id.next().ok_or_else(|| {
            StoreRefused::new("the log has no id left: its last one is the greatest there is")
        })?;
        Ok(now.max(next))
    }

    pub(super) fn trim_to(&mut self, keep: usize) {
        while self.lines.len() > keep {
            self.lines.pop_first();
        }
    }

    pub(super) fn bounds(&self) -> LogBounds {
        LogBounds {
            first_id: self.lines.first_key_value().map(|(id, _)| *id),
            last_id: self.last_id,
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
            length: self.lines.len() as u64,
        }
    }

    pub(super) fn read(&self, span: Span, order: Order, limit: ReadLimit) -> Batch {
        if let (Some(after), Some(before)) = (span.after, span.before)
            && after >= before
        {
            return Batch::default();
        }
        let lower = span.after.map_or(Bound::Unbounded, Bound::Excluded);
        let upper = span.before.map_or(Bound::Unbounded, Bound::Excluded);
        let found = self
            .lines
            .range((lower, upper))
            .map(|(_, line)| line.clone());
        match order {
            Order::OldestFirst => Batch::cut(found, limit),
            Order::NewestFirst => Batch::cut(found.rev(), limit),
        }
    }
}

impl Record {
    pub(super) fn status(&self, lifecycle: &Lifecycle) -> JobStatus {
        lifecycle.status(self.status.as_deref().unwrap_or_default())
    }

    pub(super) fn job(&self, lifecycle: &Lifecycle) -> Job {
        Job {
            status: self.status(lifecycle),
            owner: self.owner.clone(),
            org: self.org.clone(),
        }
    }
}

pub(super) fn stored(id: EntryId, line: &NewLine) -> Line {
    let NewLine {
        ts,
        source,
        text,
        phase,
        open,
    } = line.clone();
    Line {
        id,
        ts,
        source,
        text,
        phase,
        open,
    }
}
