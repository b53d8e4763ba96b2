//! Reads. Each sees one snapshot of the file: lines and bounds of one instant.

use std::ops::Bound;

use log_domain::{
    Batch, EntryId, JobId, LogBounds, Order, ProducerName, ProducerState, ReadLimit, Span,
};
use redb::{ReadTransaction, TableError};

use super::error::damaged;
use super::file::File;
use super::layout::{
    JOBS, JobRecord, LINES, LOGS, LineKey, LogRecord, PRODUCERS, REVOCATIONS, line, line_id,
    line_key, producer_key, state_from_disk,
};
use crate::lines::TailRead;

/// The file as it was when the snapshot was taken. Readers and writers do not wait for each other.
pub(super) struct Snapshot {
    txn: ReadTransaction,
}

impl Snapshot {
    pub(super) fn take(file: &File) -> Result<Self, redb::Error> {
        Ok(Self {
            txn: file.begin_read()?,
        })
    }

    pub(super) fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, redb::Error> {
        match self.log(job)? {
            Some(log) => self.lines(&log, span, order, limit),
            None => Ok(Batch::default()),
        }
    }

    pub(super) fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, redb::Error> {
        let log = self.log(job)?;
        let batch = match &log {
            Some(log) => self.lines(log, Span::after(after), Order::OldestFirst, limit)?,
            None => Batch::default(),
        };
        let lost = match &log {
            Some(log) if log.bounds.must_have(after) => {
                let key = line_key(log.number, after);
                self.txn.open_table(LINES)?.get(key)?.is_none()
            }
            _ => false,
        };
        Ok(TailRead {
            lines: batch.lines,
            more: batch.more,
            bounds: log.map_or(LogBounds::ABSENT, |log| log.bounds),
            lost,
        })
    }

    pub(super) fn bounds(&self, job: &JobId) -> Result<LogBounds, redb::Error> {
        let log = self.log(job)?;
        Ok(log.map_or(LogBounds::ABSENT, |log| log.bounds))
    }

    pub(super) fn job(&self, job: &JobId) -> Result<Option<JobRecord>, redb::Error> {
        let Some(bytes) = self.txn.open_table(JOBS)?.get(job.as_str())? else {
            return Ok(None);
        };
        let record = JobRecord::from_disk(bytes.value()).ok_or_else(|| damaged("a job"))?;
        Ok(Some(record))
    }

    pub(super) fn producer(
        &self,
        job: &JobId,
        producer: &ProducerName,
    ) -> Result<Option<ProducerState>, redb::Error> {
        let Some(log) = self.log(job)? else {
            return Ok(None);
        };
        let producers = match self.txn.open_table(PRODUCERS) {
            Ok(producers) => producers,
            // A file of an older version, to which nothing was written yet.
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let state = producers.get(producer_key(log.number, producer))?;
        Ok(state.map(|state| state_from_disk(state.value())))
    }

    /// The revocations above a number, with their numbers.
    pub(super) fn revocations_after(&self, number: u64) -> Result<Vec<(u64, String)>, redb::Error> {
        let revocations = match self.txn.open_table(REVOCATIONS) {
            Ok(revocations) => revocations,
            // A file of an older version, to which nothing was written yet.
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let range = (Bound::Excluded(number), Bound::Unbounded);
        let mut kept = Vec::new();
        for entry in revocations.range::<u64>(range)? {
            let (number, revocation) = entry?;
            kept.push((number.value(), revocation.value().1.to_owned()));
        }
        Ok(kept)
    }

    fn log(&self, job: &JobId) -> Result<Option<LogRecord>, redb::Error> {
        let words = self.txn.open_table(LOGS)?.get(job.as_str())?;
        Ok(words.map(|words| LogRecord::from_disk(words.value())))
    }

    fn lines(
        &self,
        log: &LogRecord,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, redb::Error> {
        let Some(keys) = keys(log, span) else {
            return Ok(Batch::default());
        };
        let found = self.txn.open_table(LINES)?.range::<LineKey>(keys)?;
        let mut failed = None;
        let mut read = |entry: Result<
            (redb::AccessGuard<'_, LineKey>, redb::AccessGuard<'_, &[u8]>),
            redb::StorageError,
        >| {
            let line = entry.map_err(redb::Error::from).and_then(|(key, fields)| {
                line(line_id(key.value()), fields.value()).ok_or_else(|| damaged("a line"))
            });
            line.map_err(|error| failed = Some(error)).ok()
        };
        let batch = match order {
            Order::OldestFirst => Batch::cut(found.map_while(&mut read), limit),
            Order::NewestFirst => Batch::cut(found.rev().map_while(&mut read), limit),
        };
        failed.map_or(Ok(batch), Err)
    }
}

/// The keys of a log's lines strictly inside a span. `None` if there can be no line.
fn keys(log: &LogRecord, span: Span) -> Option<(Bound<LineKey>, Bound<LineKey>)> {
    let after = span.after.unwrap_or(EntryId::ZERO);
    // No line has the id 0-0, so as an exclusive bound it excludes nothing. An exclusive bound above the greatest id does not exist.
    let upper = match span.before {
        Some(before) => Bound::Excluded(line_key(log.number, before)),
        None => Bound::Included(line_key(log.number, EntryId::MAX)),
    };
    let is_empty = span.before.is_some_and(|before| after >= before) || after == EntryId::MAX;
    (!is_empty).then_some((Bound::Excluded(line_key(log.number, after)), upper))
}
