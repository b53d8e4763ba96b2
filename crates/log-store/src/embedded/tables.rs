//! What a write transaction does to the tables.

use std::time::{SystemTime, UNIX_EPOCH};

use log_domain::{EntryId, IllegalTransition, JobId, JobStatus, LogBounds};
use redb::{ReadableTable, Table, WriteTransaction};

use super::EmbeddedOptions;
use super::error::damaged;
use super::layout::{
    DEAD, JOBS, JobRecord, LINES, LOGS, LineKey, LogRecord, META, encode, line_id, line_key,
};
use crate::{NewJob, NewLine, Transition};

/// The part of a log's limit by which it may exceed it: then it is cut to the limit in one go, because that is
/// cheaper than a cut with every append (`MAXLEN ~` does the same).
const TRIM_SLACK: u64 = 50;

/// What a committed transaction changed, and whose watches are to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The log of a job.
    Log(JobId),
    /// The record of a job.
    Job(JobId),
}

/// The tables within one write transaction.
pub(super) struct Tables<'txn> {
    meta: Table<'txn, &'static str, u64>,
    logs: Table<'txn, &'static str, [u64; 10]>,
    lines: Table<'txn, LineKey, &'static [u8]>,
    dead: Table<'txn, u64, ()>,
    jobs: Table<'txn, &'static str, &'static [u8]>,
    options: EmbeddedOptions,
    /// The time of the transaction, in Unix milliseconds.
    now: u64,
    pub(super) changes: Vec<Change>,
    /// Whether there is anything to commit.
    pub(super) dirty: bool,
}

/// Why an append was not taken, though the tables can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log has no id left: its last one is the greatest there is")]
pub(super) struct NoIdLeft;

/// Why a step was not taken, though the tables can be used.
#[derive(Debug)]
pub(super) enum NoStep {
    NotFound,
    Illegal(IllegalTransition),
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(
        txn: &'txn WriteTransaction,
        options: EmbeddedOptions,
    ) -> Result<Self, redb::Error> {
        Ok(Self {
            meta: txn.open_table(META)?,
            logs: txn.open_table(LOGS)?,
            lines: txn.open_table(LINES)?,
            dead: txn.open_table(DEAD)?,
            jobs: txn.open_table(JOBS)?,
            options,
            now: unix_ms(),
            changes: Vec::new(),
            dirty: false,
        })
    }

    /// The layout's version in the file; a new file gets `format`.
    pub(super) fn format(&mut self, format: u64) -> Result<u64, redb::Error> {
        let found = self.meta.get("format")?.map(|found| found.value());
        if let Some(found) = found {
            return Ok(found);
        }
        self.meta.insert("format", format)?;
        self.dirty = true;
        Ok(format)
    }

    /// Appends lines under new ids, and forgets the oldest ones beyond the limit.
    pub(super) fn append(
        &mut self,
        job: &JobId,
        lines: &[NewLine],
    ) -> Result<Result<Vec<EntryId>, NoIdLeft>, redb::Error> {
        let mut log = self.log_to_append(job)?;
        let mut ids = Vec::with_capacity(lines.len());
        for _ in lines {
            let last = ids.last().copied().unwrap_or(log.bounds.last_id);
            let Some(next) = last.next() else {
                return Ok(Err(NoIdLeft));
            };
            // The time, as Redis does it; where the log is ahead of the clock, the next id.
            ids.push(next.max(EntryId::new(self.now, 0)));
        }
        let mut bytes = Vec::new();
        for (line, id) in lines.iter().zip(&ids) {
            let fields = [&line.ts, &line.source, &line.text, &line.phase];
            bytes.clear();
            encode(
                fields.map(|field| field.as_deref().map(str::as_bytes)),
                &mut bytes,
            );
            self.push(&mut log, *id, &bytes)?;
        }
        let limit = self.options.max_lines;
        if log.bounds.length > limit.saturating_add(limit / TRIM_SLACK) {
            self.trim(&mut log, limit)?;
        }
        self.put_log(job, &log)?;
        Ok(Ok(ids))
    }

    /// Creates a job; false where there is one.
    pub(super) fn create(&mut self, job: &JobId, new: &NewJob) -> Result<bool, redb::Error> {
        if self.jobs.get(job.as_str())?.is_some() {
            return Ok(false);
        }
        let record = JobRecord {
            status: Some(JobStatus::Queued.as_str().to_owned()),
            owner: Some(new.owner.as_str().to_owned()),
            created_at: Some(new.created_at.clone()),
            ..JobRecord::default()
        };
        self.put_job(job, record)?;
        Ok(true)
    }

    /// Takes one step, and returns the status before. Transactions are serial: that makes it a compare-and-set.
    pub(super) fn transition(
        &mut self,
        job: &JobId,
        step: &Transition,
    ) -> Result<Result<JobStatus, NoStep>, redb::Error> {
        let Some(mut record) = self.job(job)? else {
            return Ok(Err(NoStep::NotFound));
        };
        let before = record.status();
        if let Err(illegal) = before.check_step(&step.to) {
            return Ok(Err(NoStep::Illegal(illegal)));
        }
        record.status = Some(step.to.as_str().to_owned());
        record.status_message = Some(step.message.clone());
        record.updated_at = Some(step.at.clone());
        self.put_job(job, record)?;
        Ok(Ok(before))
    }

    /// Forgets the logs that are past their life, and the jobs that have no log and were not written for long.
    pub(super) fn sweep(&mut self) -> Result<(), redb::Error> {
        let log_life = millis(self.options.keep_logs);
        let mut old_logs = Vec::new();
        for entry in self.logs.iter()? {
            let (job, words) = entry?;
            let log = LogRecord::from_disk(words.value());
            if log.appended_at.saturating_add(log_life) <= self.now {
                old_logs.push(parse_job(job.value())?);
            }
        }
        for job in &old_logs {
            self.forget_log(job)?;
        }
        let job_life = millis(self.options.keep_jobs);
        let mut old_jobs = Vec::new();
        for entry in self.jobs.iter()? {
            let (job, bytes) = entry?;
            let record = JobRecord::from_disk(bytes.value()).ok_or_else(|| damaged("a job"))?;
            let is_old = record.touched_at.saturating_add(job_life) <= self.now;
            if is_old && self.logs.get(job.value())?.is_none() {
                old_jobs.push(parse_job(job.value())?);
            }
        }
        for job in &old_jobs {
            self.forget_job(job)?;
        }
        Ok(())
    }

    /// Removes up to `limit` lines of forgotten logs; true where there may be more.
    pub(super) fn bury(&mut self, limit: usize) -> Result<bool, redb::Error> {
        let Some(number) = self.dead.first()?.map(|(number, _)| number.value()) else {
            return Ok(false);
        };
        let all = line_key(number, EntryId::ZERO)..=line_key(number, EntryId::MAX);
        if self.extract(all, limit)? < limit {
            self.dead.remove(number)?;
        }
        self.dirty = true;
        Ok(true)
    }

    pub(super) fn log(&self, job: &JobId) -> Result<Option<LogRecord>, redb::Error> {
        let words = self.logs.get(job.as_str())?;
        Ok(words.map(|words| LogRecord::from_disk(words.value())))
    }

    /// The log to append to: made, or made anew where its life is over, and with a new lease of it.
    pub(super) fn log_to_append(&mut self, job: &JobId) -> Result<LogRecord, redb::Error> {
        let log_life = millis(self.options.keep_logs);
        if let Some(mut log) = self.log(job)? {
            if log.appended_at.saturating_add(log_life) > self.now {
                log.appended_at = self.now;
                return Ok(log);
            }
            self.forget_log(job)?;
        }
        let number = self.meta.get("next_log")?.map_or(0, |next| next.value());
        self.meta.insert("next_log", number + 1)?;
        Ok(LogRecord {
            number,
            bounds: LogBounds::ABSENT,
            appended_at: self.now,
        })
    }

    /// Adds a line of encoded fields at the end of a log.
    pub(super) fn push(
        &mut self,
        log: &mut LogRecord,
        id: EntryId,
        fields: &[u8],
    ) -> Result<(), redb::Error> {
        self.lines.insert(line_key(log.number, id), fields)?;
        log.bounds.first_id.get_or_insert(id);
        log.bounds.last_id = id;
        log.bounds.entries_added += 1;
        log.bounds.length += 1;
        Ok(())
    }

    /// Forgets all but the newest `keep` lines of a log.
    pub(super) fn trim(&mut self, log: &mut LogRecord, keep: u64) -> Result<(), redb::Error> {
        let surplus = log.bounds.length.saturating_sub(keep);
        let surplus = usize::try_from(surplus).unwrap_or(usize::MAX);
        let removed = self.extract(Self::lines_of(log), surplus)?;
        log.bounds.length -= removed as u64;
        self.find_first(log)
    }

    /// Deletes one line; false where there is none. No producer does this, an operator may.
    #[cfg(feature = "conformance")]
    pub(super) fn delete(&mut self, log: &mut LogRecord, id: EntryId) -> Result<bool, redb::Error> {
        if self.lines.remove(line_key(log.number, id))?.is_none() {
            return Ok(false);
        }
        log.bounds.length -= 1;
        log.bounds.max_deleted_id = log.bounds.max_deleted_id.max(id);
        self.find_first(log)?;
        Ok(true)
    }

    pub(super) fn put_log(&mut self, job: &JobId, log: &LogRecord) -> Result<(), redb::Error> {
        self.logs.insert(job.as_str(), log.to_disk())?;
        self.changed(Change::Log(job.clone()));
        Ok(())
    }

    /// Forgets a log; its lines are removed bit by bit.
    pub(super) fn forget_log(&mut self, job: &JobId) -> Result<(), redb::Error> {
        let removed = self.logs.remove(job.as_str())?.map(|words| words.value());
        if let Some(words) = removed {
            self.dead.insert(LogRecord::from_disk(words).number, ())?;
            self.changed(Change::Log(job.clone()));
        }
        Ok(())
    }

    pub(super) fn job(&self, job: &JobId) -> Result<Option<JobRecord>, redb::Error> {
        let bytes = self.jobs.get(job.as_str())?;
        bytes
            .map(|bytes| JobRecord::from_disk(bytes.value()).ok_or_else(|| damaged("a job")))
            .transpose()
    }

    pub(super) fn put_job(
        &mut self,
        job: &JobId,
        mut record: JobRecord,
    ) -> Result<(), redb::Error> {
        record.touched_at = self.now;
        self.write_job(job, &record)
    }

    /// Makes a job's record older.
    #[cfg(feature = "conformance")]
    pub(super) fn age_job(&mut self, job: &JobId, by: u64) -> Result<(), redb::Error> {
        if let Some(mut record) = self.job(job)? {
            record.touched_at = record.touched_at.saturating_sub(by);
            self.write_job(job, &record)?;
        }
        Ok(())
    }

    fn write_job(&mut self, job: &JobId, record: &JobRecord) -> Result<(), redb::Error> {
        self.jobs
            .insert(job.as_str(), record.to_disk().as_slice())?;
        self.changed(Change::Job(job.clone()));
        Ok(())
    }

    pub(super) fn forget_job(&mut self, job: &JobId) -> Result<(), redb::Error> {
        if self.jobs.remove(job.as_str())?.is_some() {
            self.changed(Change::Job(job.clone()));
        }
        Ok(())
    }

    fn lines_of(log: &LogRecord) -> std::ops::RangeInclusive<LineKey> {
        line_key(log.number, EntryId::ZERO)..=line_key(log.number, EntryId::MAX)
    }

    /// Removes up to `limit` lines from the beginning of a range.
    fn extract(
        &mut self,
        range: std::ops::RangeInclusive<LineKey>,
        limit: usize,
    ) -> Result<usize, redb::Error> {
        let mut removed = 0;
        for entry in self.lines.extract_from_if(range, |_, _| true)?.take(limit) {
            entry?;
            removed += 1;
        }
        Ok(removed)
    }

    fn find_first(&mut self, log: &mut LogRecord) -> Result<(), redb::Error> {
        let first = self.lines.range(Self::lines_of(log))?.next().transpose()?;
        log.bounds.first_id = first.map(|(key, _)| line_id(key.value()));
        Ok(())
    }

    fn changed(&mut self, change: Change) {
        self.dirty = true;
        if self.changes.last() != Some(&change) {
            self.changes.push(change);
        }
    }
}

/// Ids are parsed before they are written, so one that cannot be parsed is not ours.
fn parse_job(text: &str) -> Result<JobId, redb::Error> {
    text.parse().map_err(|_| damaged("a job id"))
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock. One that stands before 1970 counts as 1970: ids go on growing all the same.
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}
