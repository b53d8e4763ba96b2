//! What a follower reads from: a watch of the log and a watch of the job, and the read that is under way through one of them.
//!
//! A read that is under way is kept where its caller stops waiting. So a caller that waits in steps shorter than a read
//! takes does not begin the read again and again.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;

use log_domain::{EntryId, Job, ReadLimit};
use tokio::time::{Instant, sleep_until};

use super::progress::{Due, LogRead};
use crate::error::StoreError;
use crate::jobs::JobWatch;
use crate::lines::{LogWatch, TailRead};

pub(super) struct Sources {
    /// `None` while it is used by a read that is under way.
    log: Option<Box<dyn LogWatch>>,
    job: Option<Box<dyn JobWatch>>,
    reading: Option<Pin<Box<dyn Future<Output = Read> + Send>>>,
}

/// What a read has brought.
pub(super) enum Answer {
    Log(LogRead, Result<TailRead, StoreError>),
    Job(Result<Option<Job>, StoreError>),
}

/// A read that is over, with the watch it has used.
enum Read {
    Log(Box<dyn LogWatch>, LogRead, Result<TailRead, StoreError>),
    Job(Box<dyn JobWatch>, Result<Option<Job>, StoreError>),
}

impl Sources {
    pub(super) fn new(log: Box<dyn LogWatch>, job: Box<dyn JobWatch>) -> Self {
        Self {
            log: Some(log),
            job: Some(job),
            reading: None,
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Begins to read the job. Call it only while no read is under way.
    pub(super) fn read_job(&mut self) {
        if let Some(mut watch) = self.job.take() {
            self.reading = Some(Box::pin(async move {
                let found = watch.get().await;
                Read::Job(watch, found)
            }));
        }
    }

    /// Begins to read the log after a position. Call it only while no read is under way.
    pub(super) fn read_log(&mut self, after: EntryId, limit: ReadLimit, is_reread: bool) {
        if let Some(mut watch) = self.log.take() {
            let began = Instant::now();
            let read = LogRead { began, is_reread };
            self.reading = Some(Box::pin(async move {
                let found = watch.read_after(after, limit).await;
                Read::Log(watch, read, found)
            }));
        }
    }

    /// Waits for the read that is under way. Cancel-safe.
    pub(super) async fn answer(&mut self) -> Answer {
        let read = match &mut self.reading {
            Some(reading) => poll_fn(|cx| reading.as_mut().poll(cx)).await,
            None => pending().await,
        };
        self.reading = None;
        match read {
            Read::Log(watch, read, found) => {
                self.log = Some(watch);
                Answer::Log(read, found)
            }
            Read::Job(watch, found) => {
                self.job = Some(watch);
                Answer::Job(found)
            }
        }
    }

    /// Waits for a notice of something that is not due yet, or until a moment. Cancel-safe.
    pub(super) async fn wait(&mut self, due: &mut Due, until: Option<Instant>) {
        let Self { log, job, .. } = self;
        let moment = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = log_changed(log), if !due.log => due.log = true,
            () = job_changed(job), if !due.job => due.job = true,
            () = moment => {}
        }
    }

    /// Looks without waiting whether the job may have changed.
    pub(super) async fn look_at_job(&mut self, due: &mut Due) {
        tokio::select! {
            biased;
            () = job_changed(&mut self.job) => due.job = true,
            () = ready(()) => {}
        }
    }
}

async fn log_changed(watch: &mut Option<Box<dyn LogWatch>>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}

async fn job_changed(watch: &mut Option<Box<dyn JobWatch>>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}
