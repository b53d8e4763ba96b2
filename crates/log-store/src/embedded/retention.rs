//! Removing what is old: expired logs and jobs, and the lines of deleted logs.

use log_domain::{EntryId, JobId};
use redb::ReadableTable;

use super::error::damaged;
use super::layout::{JobRecord, LogRecord, line_key};
use super::tables::{Tables, millis};

impl Tables<'_> {
    /// Deletes expired logs, and expired jobs that have no log.
    pub(super) fn sweep(&mut self) -> Result<(), redb::Error> {
        self.sweep_access()?;
        let mut old_logs = Vec::new();
        for entry in self.logs.iter()? {
            let (job, words) = entry?;
            let log = LogRecord::from_disk(words.value());
            if self.is_expired(&log) {
                old_logs.push(parse_job(job.value())?);
            }
        }
        for job in &old_logs {
            self.delete_log(job)?;
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
            self.delete_job(job)?;
        }
        Ok(())
    }

    /// Removes up to `limit` lines of deleted logs. True if there may be more.
    pub(super) fn collect_garbage(&mut self, limit: usize) -> Result<bool, redb::Error> {
        let Some(number) = self.dead.first()?.map(|(number, _)| number.value()) else {
            return Ok(false);
        };
        let all = line_key(number, EntryId::ZERO)..=line_key(number, EntryId::MAX);
        if self.extract(all, limit)? < limit {
            self.remove_producers(number)?;
            self.dead.remove(number)?;
        }
        self.dirty = true;
        Ok(true)
    }
}

/// Only valid ids are written, so a text that is none means a damaged file.
pub(super) fn parse_job(text: &str) -> Result<JobId, redb::Error> {
    text.parse().map_err(|_| damaged("a job id"))
}
