//! The back doors for the conformance suite: changes that do not go through the traits.

#![expect(
    clippy::panic,
    reason = "test code in a library: a back door that fails is a failed test"
)]

use std::time::Duration;

use log_domain::{EntryId, JobId};

use super::layout::{JobRecord, encode, line_fields};
use super::store::EmbeddedStore;
use super::tables::Tables;
use crate::append::NewLine;

/// Back doors for [`crate::conformance::Subject`]. They panic where they fail.
impl EmbeddedStore {
    /// Appends a line under a given id, which must be above the log's last one.
    pub async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        self.push_at(job, id, line_fields(line)).await;
    }

    /// Appends a line of raw fields. Unknown fields are dropped.
    pub async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        let field = |name| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        self.push_at(
            job,
            id,
            ["ts", "source", "text", "phase", "open"].map(field),
        )
        .await;
    }

    /// Removes all but the newest `keep` lines.
    pub async fn trim_to(&self, job: &JobId, keep: usize) {
        let job = job.clone();
        self.change(move |tables| {
            if let Some(mut log) = tables.log(&job)? {
                tables.trim(&mut log, keep as u64)?;
                tables.put_log(&job, &log)?;
            }
            Ok(())
        })
        .await;
    }

    /// Deletes one line.
    pub async fn delete_line(&self, job: &JobId, id: EntryId) {
        let job = job.clone();
        self.change(move |tables| {
            if let Some(mut log) = tables.log(&job)?
                && tables.delete(&mut log, id)?
            {
                tables.put_log(&job, &log)?;
            }
            Ok(())
        })
        .await;
    }

    /// Deletes a log.
    pub async fn delete_log(&self, job: &JobId) {
        let job = job.clone();
        self.change(move |tables| tables.delete_log(&job)).await;
    }

    /// Makes a log older, and removes what is expired, as the store does once a minute.
    pub async fn age_log(&self, job: &JobId, by: Duration) {
        let job = job.clone();
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.change(move |tables| {
            if let Some(mut log) = tables.log(&job)? {
                log.appended_at = log.appended_at.saturating_sub(by);
                tables.put_log(&job, &log)?;
            }
            tables.sweep()
        })
        .await;
    }

    /// Makes the file one of an older version, which did not count the bytes of lines.
    pub async fn forget_line_bytes(&self) {
        self.change(|tables| tables.forget_count()).await;
    }

    /// Makes a job's record older, and removes what is expired, as the store does once a minute.
    pub async fn age_job(&self, job: &JobId, by: Duration) {
        let job = job.clone();
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.change(move |tables| {
            tables.age_job(&job, by)?;
            tables.sweep()
        })
        .await;
    }

    /// Writes the status of a job that exists, as text.
    pub async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        let status = status.map(str::to_owned);
        self.change_job(job, |record| record.status = status).await;
    }

    /// Removes the owner from a job's record.
    pub async fn remove_owner(&self, job: &JobId) {
        self.change_job(job, |record| record.owner = None).await;
    }

    /// Writes the organisation of a job that exists, as text.
    pub async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        let org = org.map(str::to_owned);
        self.change_job(job, |record| record.org = org).await;
    }

    /// Deletes a job's record.
    pub async fn delete_job(&self, job: &JobId) {
        let job = job.clone();
        self.change(move |tables| tables.delete_job(&job)).await;
    }

    /// How many logs and jobs are watched.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.inner.logs.watched() + self.inner.jobs.watched() + self.inner.access.watched()
    }

    async fn push_at(&self, job: &JobId, id: EntryId, fields: [Option<&[u8]>; 5]) {
        let job = job.clone();
        let mut bytes = Vec::new();
        encode(fields, &mut bytes);
        self.change(move |tables| {
            let mut log = tables.log_to_append(&job)?;
            assert!(id > log.bounds.last_id, "{id:?} is not above the last id");
            tables.push(&mut log, id, &bytes)?;
            tables.put_log(&job, &log)
        })
        .await;
    }

    async fn change_job(&self, job: &JobId, change: impl FnOnce(&mut JobRecord) + Send + 'static) {
        let job = job.clone();
        self.change(move |tables| {
            if let Some(mut record) = tables.job(&job)? {
                change(&mut record);
                tables.put_job(&job, record)?;
            }
            Ok(())
        })
        .await;
    }

    async fn change(
        &self,
        operation: impl FnOnce(&mut Tables<'_>) -> Result<(), redb::Error> + Send + 'static,
    ) {
        if let Err(failure) = self.writer.write(operation).await {
            panic!("the back door failed: {failure:?}");
        }
    }
}
