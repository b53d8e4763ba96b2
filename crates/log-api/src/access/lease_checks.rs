//! The background task that checks the readers of streams whose leases have ended. One timer serves all streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use futures_util::stream;
use log_domain::{Job, JobId};
use log_store::StoreError;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::decision::{Deciders, shares_job};
use super::lease::LeaseMode;
use super::open_stream::OpenStream;

/// How many jobs are looked up at the same time.
const CONCURRENT_LOOKUPS: usize = 16;

/// Checks leases for ever. Each job is looked up once for all of its streams.
pub(super) async fn check_leases(deciders: Arc<Deciders>) {
    let mut ticks = interval(deciders.lease.tick());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let due = deciders.streams.due(Instant::now());
        // While the store is away, streams stay open; their leases are checked again at the next tick.
        let away = AtomicBool::new(false);
        let check = async |(job, streams): (JobId, Vec<Arc<OpenStream>>)| {
            if !away.load(Ordering::Relaxed) && deciders.check_job(&job, &streams).await.is_err() {
                away.store(true, Ordering::Relaxed);
            }
        };
        stream::iter(due)
            .for_each_concurrent(CONCURRENT_LOOKUPS, check)
            .await;
    }
}

impl Deciders {
    /// Looks a job up and decides about those of its streams whose leases have ended.
    ///
    /// # Errors
    /// The store is away; the streams stay as they are.
    async fn check_job(&self, id: &JobId, streams: &[Arc<OpenStream>]) -> Result<(), StoreError> {
        let job = match self.jobs.get(id).await {
            Ok(job) => job,
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                tracing::error!(job = %id, %error, "the store refuses; streams are broken off");
                for stream in streams {
                    self.streams.break_off(stream);
                }
                return Ok(());
            }
        };
        for stream in streams {
            match &job {
                Some(job) => self.decide(stream, job),
                // The hub notices that the job is gone, and ends the stream with `done`.
                None => stream.extend_lease(&self.lease, false),
            }
        }
        Ok(())
    }

    fn decide(&self, stream: &OpenStream, job: &Job) {
        if !self.allows(&stream.who, &stream.job, job) {
            self.streams.break_off(stream);
            return;
        }
        match self.lease.mode {
            LeaseMode::Recheck => stream.extend_lease(&self.lease, shares_job(&stream.who, job)),
            LeaseMode::Reauth => self.streams.end_with_reauth(stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use async_trait::async_trait;
    use log_domain::{OrgRule, UserId};
    use log_store::{
        FaultyStore, JobWatch, JobWrites as _, Jobs, MemoryStore, NewJob, StoreRefused,
    };
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::super::lease::LeaseOptions;
    use super::super::open_stream::StreamSignal;
    use super::super::open_streams::{OpenStreams, StreamPermit};
    use super::super::principal::tests::ann;
    use super::super::stream_table::StreamLimits;
    use super::*;

    const LEASE: Duration = Duration::from_secs(300);
    /// Every check of a lease has run by then.
    const AFTER_THE_LEASE: Duration = Duration::from_secs(302);
    const BOTH_MODES: [LeaseMode; 2] = [LeaseMode::Recheck, LeaseMode::Reauth];

    /// One stream of a job of Ann's, with the task that checks its lease.
    struct Checked {
        store: FaultyStore<MemoryStore>,
        job: JobId,
        permit: StreamPermit,
        checks: JoinHandle<()>,
    }

    impl Checked {
        async fn start(mode: LeaseMode) -> Self {
            let store = FaultyStore::new(MemoryStore::new());
            let job: JobId = "build-1".parse().unwrap();
            let new = NewJob::new(UserId::new("user_ann").unwrap(), SystemTime::now());
            store.create(&job, &new).await.unwrap();
            let (permit, checks) = check(Arc::new(store.clone()), &job, mode);
            Self {
                store,
                job,
                permit,
                checks,
            }
        }
    }

    impl Drop for Checked {
        fn drop(&mut self) {
            self.checks.abort();
        }
    }

    fn check(jobs: Arc<dyn Jobs>, job: &JobId, mode: LeaseMode) -> (StreamPermit, JoinHandle<()>) {
        let lease = LeaseOptions {
            length: LEASE,
            mode,
        };
        let streams = Arc::new(OpenStreams::new(StreamLimits::default()));
        let permit = streams.open(ann("s", None, 7), job, false, &lease).unwrap();
        let deciders = Deciders {
            jobs,
            lease,
            orgs: OrgRule::Off,
            revoked: None,
            streams,
        };
        (permit, tokio::spawn(check_leases(Arc::new(deciders))))
    }

    #[tokio::test(start_paused = true)]
    async fn with_recheck_a_stream_that_is_still_allowed_goes_on_for_hours() {
        let checked = Checked::start(LeaseMode::Recheck).await;
        for _ in 0..50 {
            sleep(AFTER_THE_LEASE).await;
            assert_eq!(checked.permit.signal(), StreamSignal::Continue);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_reauth_a_stream_ends_with_its_first_lease_and_not_before() {
        let checked = Checked::start(LeaseMode::Reauth).await;
        sleep(LEASE.mul_f64(0.74)).await;
        assert_eq!(checked.permit.signal(), StreamSignal::Continue);
        sleep(AFTER_THE_LEASE - LEASE.mul_f64(0.74)).await;
        assert_eq!(checked.permit.signal(), StreamSignal::Reauth);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_of_a_job_that_is_no_longer_the_readers_is_broken_off_with_its_lease() {
        for mode in BOTH_MODES {
            let checked = Checked::start(mode).await;
            checked.store.inner().remove_owner(&checked.job);
            assert_eq!(checked.permit.signal(), StreamSignal::Continue);
            sleep(AFTER_THE_LEASE).await;
            assert_eq!(checked.permit.signal(), StreamSignal::BreakOff, "{mode:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_of_a_deleted_job_is_left_to_the_hub() {
        for mode in BOTH_MODES {
            let checked = Checked::start(mode).await;
            checked.store.inner().delete_job(&checked.job);
            sleep(2 * AFTER_THE_LEASE).await;
            assert_eq!(checked.permit.signal(), StreamSignal::Continue, "{mode:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_stays_open_while_the_store_is_away_and_is_checked_once_it_is_back() {
        let checked = Checked::start(LeaseMode::Recheck).await;
        checked.store.inner().remove_owner(&checked.job);
        checked.store.faults().cut();
        sleep(3 * AFTER_THE_LEASE).await;
        assert_eq!(checked.permit.signal(), StreamSignal::Continue);
        checked.store.faults().mend();
        sleep(Duration::from_secs(10)).await;
        assert_eq!(checked.permit.signal(), StreamSignal::BreakOff);
    }

    /// Jobs whose store refuses every command.
    struct Refusing;

    #[async_trait]
    impl Jobs for Refusing {
        async fn get(&self, _: &JobId) -> Result<Option<Job>, StoreError> {
            Err(StoreRefused::new("NOPERM").into())
        }

        fn watch_job(&self, _: &JobId) -> Box<dyn JobWatch> {
            unreachable!("leases are checked without a watch")
        }

        async fn ping_jobs(&self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_broken_off_if_the_store_refuses_the_check() {
        let job = "build-1".parse().unwrap();
        let (permit, checks) = check(Arc::new(Refusing), &job, LeaseMode::Recheck);
        sleep(AFTER_THE_LEASE).await;
        assert_eq!(permit.signal(), StreamSignal::BreakOff);
        checks.abort();
    }
}
