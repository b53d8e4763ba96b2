//! The two tasks that watch over all streams of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use log_domain::{Job, JobId};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Shared;
use super::lease::LeaseMode;
use super::principal::Principal;
use super::seats::Stream;
use crate::error::ApiError;

/// Jobs that are looked up at once where leases end together.
const AT_ONCE: usize = 16;

/// The pause after the list of revocations could not be read.
const READ_AGAIN: Duration = Duration::from_millis(250);

/// Hears of revocations for as long as the process lives.
pub(super) async fn revocations(shared: Arc<Shared>) {
    let Some(list) = &shared.revoked else {
        return;
    };
    let mut watch = list.store.watch();
    let mut failing = false;
    loop {
        watch.changed().await;
        match watch.news().await {
            Ok(news) => {
                shared.apply(&news);
                list.set_loaded();
                failing = false;
            }
            Err(error) => {
                // Once an outage is loud enough.
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "what was revoked cannot be read; trying again");
                }
                sleep(READ_AGAIN).await;
            }
        }
    }
}

/// Looks at the leases that have ended, by one timer for all of them.
pub(super) async fn leases(shared: Arc<Shared>) {
    let mut ticks = interval(shared.options.lease.tick());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let due = shared.seats.due(Instant::now());
        // While the store is away streams stay open, and their leases are looked at again with the next tick.
        let away = AtomicBool::new(false);
        let look = async |(job, streams): (JobId, Vec<Arc<Stream>>)| {
            if !away.load(Ordering::Relaxed) && shared.end_leases(&job, &streams).await.is_err() {
                away.store(true, Ordering::Relaxed);
            }
        };
        stream::iter(due).for_each_concurrent(AT_ONCE, look).await;
    }
}

impl Shared {
    /// Ends the leases of one job's streams, after one look at the job.
    ///
    /// # Errors
    /// The store is away; streams stay as they are.
    async fn end_leases(&self, id: &JobId, streams: &[Arc<Stream>]) -> Result<(), ApiError> {
        let job = match self.jobs.get(id).await {
            Ok(job) => job,
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(error) => {
                tracing::error!(job = %id, %error, "the store refuses; streams are broken off");
                streams
                    .iter()
                    .for_each(|stream| self.seats.break_off(stream));
                return Ok(());
            }
        };
        for stream in streams {
            match &job {
                Some(job) => self.end_lease(stream, job),
                // The hub sees that too, and ends the stream with `done`.
                None => stream.renew(&self.options.lease, false),
            }
        }
        Ok(())
    }

    fn end_lease(&self, stream: &Stream, job: &Job) {
        let lease = &self.options.lease;
        if !self.allows(&stream.who, job) {
            self.seats.break_off(stream);
        } else if lease.mode == LeaseMode::Recheck {
            stream.renew(lease, shares(&stream.who, job));
        } else {
            self.seats.reauthenticate(stream);
        }
    }
}

/// Whether the job is read as the organisation's.
pub(super) fn shares(who: &Principal, job: &Job) -> bool {
    job.owner.as_ref() != Some(&who.reader().user)
}
