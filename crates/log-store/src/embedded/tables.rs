//! What a write transaction does to the tables.

use std::time::{SystemTime, UNIX_EPOCH};

use log_domain::{EntryId, IllegalTransition, JobId, JobStatus, LogBounds};
use redb::{ReadableTable, Table, WriteTransaction};

use super::error::damaged;
use super::layout::{
    DEAD, JOBS, JobRecord, LINES, LOGS, LineKey, LogRecord, MESSAGES, META, PRODUCERS, ProducerKey,
    REVOCATIONS, RUNS, TICKETS, encode, line_fields, line_id, line_key,
};
use super::line_bytes::LineBytes;
use super::options::EmbeddedOptions;
use crate::append::NewLine;
use crate::error::TransitionError;
use crate::jobs::{NewJob, Transition};

/// A log may exceed its limit by this part of it. Then it is trimmed to the limit at once, which is cheaper than to trim it
/// with every append (`MAXLEN ~` does the same).
const TRIM_SLACK: u64 = 50;

/// What a committed transaction changed. The watches of it are notified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// The log of a job.
    Log(JobId),
    /// The record of a job.
    Job(JobId),
    /// Something was revoked.
    Access,
}

/// The tables within one write transaction.
pub(super) struct Tables<'txn> {
    pub(super) meta: Table<'txn, &'static str, u64>,
    pub(super) logs: Table<'txn, &'static str, [u64; 10]>,
    pub(super) lines: Table<'txn, LineKey, &'static [u8]>,
    pub(super) dead: Table<'txn, u64, ()>,
    pub(super) jobs: Table<'txn, &'static str, &'static [u8]>,
    pub(super) producers: Table<'txn, ProducerKey, [u64; 4]>,
    pub(super) runs: Table<'txn, &'static str, (u64, &'static str)>,
    pub(super) tickets: Table<'txn, &'static [u8], (u64, &'static str)>,
    pub(super) revocations: Table<'txn, u64, (u64, &'static str)>,
    pub(super) messages: Table<'txn, &'static str, u64>,
    pub(super) options: &'txn EmbeddedOptions,
    /// How many bytes all lines have in the file, and whether that has changed.
    pub(super) line_bytes: LineBytes,
    /// The time of the transaction, in Unix milliseconds.
    pub(super) now: u64,
    pub(super) changes: Vec<Change>,
    /// Whether there is anything to commit.
    pub(super) dirty: bool,
}

/// Why an append was refused. The transaction goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log has no id left: its last one is the greatest there is")]
pub(super) struct NoIdLeft;

/// Why a step was refused. The transaction goes on.
#[derive(Debug)]
pub(super) enum StepRefused {
    NotFound,
    Illegal(IllegalTransition),
}

impl From<StepRefused> for TransitionError {
    fn from(refused: StepRefused) -> Self {
        match refused {
            StepRefused::NotFound => Self::NotFound,
            StepRefused::Illegal(illegal) => illegal.into(),
        }
    }
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(
        txn: &'txn WriteTransaction,
        options: &'txn EmbeddedOptions,
    ) -> Result<Self, redb::Error> {
        let meta = txn.open_table(META)?;
        let line_bytes = LineBytes::read(&meta)?;
        Ok(Self {
            meta,
            line_bytes,
            logs: txn.open_table(LOGS)?,
            lines: txn.open_table(LINES)?,
            dead: txn.open_table(DEAD)?,
            jobs: txn.open_table(JOBS)?,
            producers: txn.open_table(PRODUCERS)?,
            runs: txn.open_table(RUNS)?,
            tickets: txn.open_table(TICKETS)?,
            revocations: txn.open_table(REVOCATIONS)?,
            messages: txn.open_table(MESSAGES)?,
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

    /// Appends lines under new ids, and trims the oldest lines beyond the limit.
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
            // The time, as in Redis. Where the last id is ahead of the clock, the next id.
            ids.push(next.max(EntryId::new(self.now, 0)));
        }
        let mut bytes = Vec::new();
        for (line, id) in lines.iter().zip(&ids) {
            bytes.clear();
            encode(line_fields(line), &mut bytes);
            self.push(&mut log, *id, &bytes)?;
        }
        let limit = self.options.max_lines;
        if log.bounds.length > limit.saturating_add(limit / TRIM_SLACK) {
            self.trim(&mut log, limit)?;
        }
        self.put_log(job, &log)?;
        Ok(Ok(ids))
    }

    /// Creates a job. False if it exists.
    pub(super) fn create(&mut self, job: &JobId, new: &NewJob) -> Result<bool, redb::Error> {
        if self.jobs.get(job.as_str())?.is_some() {
            return Ok(false);
        }
        let record = JobRecord {
            status: Some(new.status.as_str().to_owned()),
            owner: Some(new.owner.as_str().to_owned()),
            org: new.org.as_ref().map(|org| org.as_str().to_owned()),
            further: new.fields.clone(),
            created_at: Some(new.created_at.into()),
            ..JobRecord::default()
        };
        self.put_job(job, record)?;
        Ok(true)
    }

    /// Takes one step, and returns the status before. Transactions are serial, so this is a compare-and-set.
    pub(super) fn transition(
        &mut self,
        job: &JobId,
        step: &Transition,
    ) -> Result<Result<JobStatus, StepRefused>, redb::Error> {
        let Some(mut record) = self.job(job)? else {
            return Ok(Err(StepRefused::NotFound));
        };
        let lifecycle = &self.options.lifecycle;
        let before = record.status(lifecycle);
        if let Err(illegal) = lifecycle.check_step(&before, &step.to) {
            return Ok(Err(StepRefused::Illegal(illegal)));
        }
        record.status = Some(step.to.as_str().to_owned());
        record.status_message = Some(step.message.clone());
        record.updated_at = Some(step.at.into());
        self.put_job(job, record)?;
        Ok(Ok(before))
    }

    pub(super) fn log(&self, job: &JobId) -> Result<Option<LogRecord>, redb::Error> {
        let words = self.logs.get(job.as_str())?;
        Ok(words.map(|words| LogRecord::from_disk(words.value())))
    }

    /// Whether a log is to be removed, because nothing was appended to it for long.
    pub(super) fn is_expired(&self, log: &LogRecord) -> bool {
        let life = millis(self.options.keep_logs);
        log.appended_at.saturating_add(life) <= self.now
    }

    /// The log to append to, with a new time of its last append. A missing or expired log is created.
    pub(super) fn log_to_append(&mut self, job: &JobId) -> Result<LogRecord, redb::Error> {
        if let Some(mut log) = self.log(job)? {
            if !self.is_expired(&log) {
                log.appended_at = self.now;
                return Ok(log);
            }
            self.delete_log(job)?;
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
        self.line_bytes.add(fields.len());
        log.bounds.first_id.get_or_insert(id);
        log.bounds.last_id = id;
        log.bounds.entries_added += 1;
        log.bounds.length += 1;
        Ok(())
    }

    /// Removes all but the newest `keep` lines of a log.
    pub(super) fn trim(&mut self, log: &mut LogRecord, keep: u64) -> Result<(), redb::Error> {
        let excess = log.bounds.length.saturating_sub(keep);
        let excess = usize::try_from(excess).unwrap_or(usize::MAX);
        let removed = self.extract(Self::lines_of(log), excess)?;
        log.bounds.length -= removed as u64;
        self.find_first(log)
    }

    /// Deletes one line. False if there is none. No producer does this, but an operator may.
    #[cfg(feature = "conformance")]
    pub(super) fn delete(&mut self, log: &mut LogRecord, id: EntryId) -> Result<bool, redb::Error> {
        let removed = self.lines.remove(line_key(log.number, id))?;
        let Some(bytes) = removed.map(|line| line.value().len()) else {
            return Ok(false);
        };
        self.line_bytes.remove(bytes);
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

    /// Deletes a log. Its lines are removed later, in small steps.
    pub(super) fn delete_log(&mut self, job: &JobId) -> Result<(), redb::Error> {
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

    pub(super) fn delete_job(&mut self, job: &JobId) -> Result<(), redb::Error> {
        if self.jobs.remove(job.as_str())?.is_some() {
            self.remove_claim(job)?;
            self.changed(Change::Job(job.clone()));
        }
        Ok(())
    }

    pub(super) fn lines_of(log: &LogRecord) -> std::ops::RangeInclusive<LineKey> {
        line_key(log.number, EntryId::ZERO)..=line_key(log.number, EntryId::MAX)
    }

    /// Removes up to `limit` lines from the beginning of a range.
    pub(super) fn extract(
        &mut self,
        range: std::ops::RangeInclusive<LineKey>,
        limit: usize,
    ) -> Result<usize, redb::Error> {
        let mut removed = 0;
        for entry in self.lines.extract_from_if(range, |_, _| true)?.take(limit) {
            let (_, line) = entry?;
            self.line_bytes.remove(line.value().len());
            removed += 1;
        }
        Ok(removed)
    }

    pub(super) fn find_first(&mut self, log: &mut LogRecord) -> Result<(), redb::Error> {
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

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The wall clock. A time before 1970 counts as 1970; ids grow all the same.
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}
