//! Removing what is old: expired logs and jobs, the lines of deleted logs, and what is beyond the bound of the file.

use log_domain::{EntryId, JobId};
use redb::ReadableTable;

use super::error::damaged;
use super::layout::{JobRecord, LogRecord, line_key};
use super::line_bytes::{LINE_BYTES, LineBytes};
use super::tables::{Tables, millis};

/// A log that was written to in this time is live: it is shortened, not deleted.
const LIVE: u64 = 10 * 60 * 1000;

/// The most lines of deleted logs that one step removes.
const STEP: usize = 2_000;

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

impl Tables<'_> {
    /// Where the lines have more bytes than they may: deletes logs, beginning with the one that was quiet for the longest
    /// time, then shortens the longest of the live ones, until a sixteenth is free.
    pub(super) fn make_room(&mut self) -> Result<(), redb::Error> {
        let Some(most) = self.options.most_line_bytes() else {
            return Ok(());
        };
        if self.line_bytes.get() <= most {
            return Ok(());
        }
        let goal = most - most / 16;
        let mut logs = self.logs_by_age()?;
        let before = self.line_bytes.get();
        while self.line_bytes.get() > goal {
            if self.collect_garbage(STEP)? {
                continue;
            }
            let quiet = logs
                .first()
                .is_some_and(|(_, log)| log.appended_at.saturating_add(LIVE) <= self.now);
            let longest = logs.iter_mut().max_by_key(|(_, log)| log.bounds.length);
            match longest {
                Some((job, log)) if !quiet && log.bounds.length > 1 => {
                    self.shorten(&job.clone(), log, goal)?;
                }
                Some(_) => {
                    let (job, _) = logs.remove(0);
                    self.delete_log(&job)?;
                }
                None => break,
            }
        }
        let removed = before.saturating_sub(self.line_bytes.get());
        tracing::info!(
            removed,
            most,
            "log_store.bound: the oldest lines are removed"
        );
        Ok(())
    }

    /// Removes the oldest lines of a log: half of them at most, and no more than it takes.
    fn shorten(&mut self, job: &JobId, log: &mut LogRecord, goal: u64) -> Result<(), redb::Error> {
        let half = usize::try_from(log.bounds.length / 2).unwrap_or(usize::MAX);
        let mut removed = 0;
        while removed < half && self.line_bytes.get() > goal {
            let step = (half - removed).min(100);
            removed += self.extract(Self::lines_of(log), step)?;
        }
        log.bounds.length -= removed as u64;
        self.find_first(log)?;
        self.put_log(job, log)
    }

    /// All logs, the one that was quiet for the longest time first.
    fn logs_by_age(&self) -> Result<Vec<(JobId, LogRecord)>, redb::Error> {
        let mut logs = Vec::new();
        for entry in self.logs.iter()? {
            let (job, words) = entry?;
            logs.push((parse_job(job.value())?, LogRecord::from_disk(words.value())));
        }
        logs.sort_by_key(|(_, log)| log.appended_at);
        Ok(logs)
    }
}

impl Tables<'_> {
    /// Counts all lines of a file that an older version has made.
    pub(super) fn count_lines_once(&mut self) -> Result<(), redb::Error> {
        if self.line_bytes.is_kept() {
            return Ok(());
        }
        let mut counted = LineBytes::default();
        for entry in self.lines.iter()? {
            counted.add(entry?.1.value().len());
        }
        self.line_bytes = counted;
        self.dirty = true;
        Ok(())
    }

    /// Forgets the count, as a file of an older version has none.
    #[cfg(feature = "conformance")]
    pub(super) fn forget_count(&mut self) -> Result<(), redb::Error> {
        self.meta.remove(LINE_BYTES)?;
        self.line_bytes.take_for_kept();
        self.dirty = true;
        Ok(())
    }

    /// Keeps the count in the file, if it has changed.
    pub(super) fn keep_count(&mut self) -> Result<(), redb::Error> {
        if self.dirty && self.line_bytes.has_changed() {
            self.meta.insert(LINE_BYTES, self.line_bytes.get())?;
        }
        Ok(())
    }
}

/// Only valid ids are written, so a text that is none means a damaged file.
pub(super) fn parse_job(text: &str) -> Result<JobId, redb::Error> {
    text.parse().map_err(|_| damaged("a job id"))
}
