//! How many streams there may be: of one user, of one job, in the process.
//!
//! A limit refuses the newcomer and leaves alone who is there. Streams are counted exactly: a place is taken before the
//! stream is opened, and given back when the stream is dropped, whichever way that happens.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log_domain::{JobId, UserId};
use log_wire::ErrorCode;

use crate::config::LimitSettings;
use crate::error::ApiError;

/// The streams that are open, and how many there may be.
#[derive(Debug, Default)]
pub struct StreamLimits {
    settings: LimitSettings,
    open: Mutex<Open>,
    refused: AtomicU64,
}

/// Counts of open streams; a user or a job without any is not in them.
#[derive(Debug, Default)]
struct Open {
    all: usize,
    users: HashMap<UserId, usize>,
    jobs: HashMap<JobId, usize>,
}

/// The place of one stream, given back on drop.
#[derive(Debug)]
#[must_use = "a place that is dropped is given back"]
pub struct Place {
    limits: Arc<StreamLimits>,
    user: UserId,
    job: JobId,
}

impl StreamLimits {
    /// Limits as they are set.
    #[must_use]
    pub fn new(settings: LimitSettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Takes a place for a stream of a job to a user.
    ///
    /// # Errors
    /// 429 where the user or the job has as many as it may have, 503 where the process has.
    pub fn take(self: &Arc<Self>, user: &UserId, job: &JobId) -> Result<Place, ApiError> {
        let mut open = self.open();
        if let Err(code) = open.take(&self.settings, user, job) {
            drop(open);
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(ApiError::Code(code));
        }
        Ok(Place {
            limits: Arc::clone(self),
            user: user.clone(),
            job: job.clone(),
        })
    }

    /// How many streams were refused since the start.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing in here panics between two statements that belong together.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn take(
        &mut self,
        settings: &LimitSettings,
        user: &UserId,
        job: &JobId,
    ) -> Result<(), ErrorCode> {
        let full = |count: usize, limit: Option<NonZero<usize>>| {
            limit.is_some_and(|limit| count >= limit.get())
        };
        let of = |count: Option<&usize>| count.copied().unwrap_or_default();
        // The caller's own limit first: it is the one that the caller can do something about.
        if full(of(self.users.get(user)), settings.streams_per_user) {
            return Err(ErrorCode::TooManyStreams);
        }
        if full(of(self.jobs.get(job)), settings.streams_per_job) {
            return Err(ErrorCode::TooManyViewers);
        }
        if full(self.all, settings.streams) {
            return Err(ErrorCode::AtCapacity);
        }
        self.all += 1;
        *self.users.entry(user.clone()).or_default() += 1;
        *self.jobs.entry(job.clone()).or_default() += 1;
        Ok(())
    }

    fn give_back(&mut self, user: &UserId, job: &JobId) {
        self.all -= 1;
        give_back(&mut self.users, user);
        give_back(&mut self.jobs, job);
    }
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
    // What ten thousand needed is given back when they have left.
    if counts.len() < counts.capacity() / 8 {
        let twice = counts.len() * 2;
        counts.shrink_to(twice);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.limits.open().give_back(&self.user, &self.job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_user: usize, per_job: usize, all: usize) -> Arc<StreamLimits> {
        Arc::new(StreamLimits::new(LimitSettings {
            streams_per_user: NonZero::new(per_user),
            streams_per_job: NonZero::new(per_job),
            streams: NonZero::new(all),
            ..LimitSettings::default()
        }))
    }

    fn take(limits: &Arc<StreamLimits>, user: &str, job: &str) -> Result<Place, ErrorCode> {
        let (user, job) = (UserId::new(user).unwrap(), job.parse().unwrap());
        limits.take(&user, &job).map_err(|error| error.code())
    }

    #[test]
    fn each_limit_refuses_the_newcomer_by_its_own_code() {
        let limits = limits(2, 3, 4);
        let _held = [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")]
            .map(|(user, job)| take(&limits, user, job).unwrap());
        let refused = |user, job| take(&limits, user, job).unwrap_err();
        assert_eq!(refused("a", "2"), ErrorCode::TooManyStreams);
        assert_eq!(refused("c", "1"), ErrorCode::TooManyViewers);
        assert_eq!(refused("c", "2"), ErrorCode::AtCapacity);
        assert_eq!(limits.refused(), 3);
    }

    #[test]
    fn a_place_that_is_given_back_is_free_at_once_and_leaves_nothing_behind() {
        let limits = limits(1, 1, 1);
        for _ in 0..3 {
            let held = take(&limits, "a", "1").unwrap();
            assert!(take(&limits, "a", "1").is_err());
            drop(held);
        }
        let open = limits.open();
        assert_eq!((open.all, open.users.len(), open.jobs.len()), (0, 0, 0));
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = limits(0, 0, 0);
        let held: Vec<_> = (0..30_000).map(|_| take(&limits, "a", "1")).collect();
        assert!(held.iter().all(Result::is_ok));
    }

    #[test]
    fn places_are_counted_exactly_from_many_threads() {
        let limits = limits(0, 0, 50);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (limits, taken) = (&limits, &taken);
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let held: Vec<_> = (0..10)
                            .filter_map(|_| take(limits, &n.to_string(), "1").ok())
                            .collect();
                        let open = limits.open().all;
                        assert!(open <= 50 && open >= held.len());
                        taken.fetch_add(held.len() as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(limits.open().all, 0);
        assert_eq!(taken.into_inner() + limits.refused(), 80_000);
    }
}
