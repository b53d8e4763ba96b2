//! The open streams by number, with their counts and limits.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZero;
use std::sync::Arc;

use log_domain::{JobId, UserId};
use log_wire::ErrorCode;

use super::open_stream::OpenStream;

/// How many streams may be open. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamLimits {
    /// To one user; 429 beyond.
    pub per_user: Option<NonZero<usize>>,
    /// Of one job; 429 beyond.
    pub per_job: Option<NonZero<usize>>,
    /// In the process; 503 beyond.
    pub total: Option<NonZero<usize>>,
}

impl StreamLimits {
    /// Sets [`StreamLimits::per_user`].
    #[must_use]
    pub const fn per_user(mut self, per_user: Option<NonZero<usize>>) -> Self {
        self.per_user = per_user;
        self
    }

    /// Sets [`StreamLimits::per_job`].
    #[must_use]
    pub const fn per_job(mut self, per_job: Option<NonZero<usize>>) -> Self {
        self.per_job = per_job;
        self
    }

    /// Sets [`StreamLimits::total`].
    #[must_use]
    pub const fn total(mut self, total: Option<NonZero<usize>>) -> Self {
        self.total = total;
        self
    }
}

/// The streams, and how many of them each user and each job has.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    next_number: u64,
    streams: HashMap<u64, Arc<OpenStream>>,
    /// How many streams each user has. A user without any is not in it.
    users: HashMap<UserId, usize>,
    /// How many streams each job has. A job without any is not in it.
    jobs: HashMap<JobId, usize>,
}

impl StreamTable {
    /// All streams.
    pub(super) fn streams(&self) -> impl Iterator<Item = &Arc<OpenStream>> {
        self.streams.values()
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Whether no count is left over either.
    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.streams.is_empty() && self.users.is_empty() && self.jobs.is_empty()
    }

    /// Adds a stream, and returns its number.
    ///
    /// # Errors
    /// The limit that is reached.
    pub(super) fn add(
        &mut self,
        limits: &StreamLimits,
        stream: &Arc<OpenStream>,
    ) -> Result<u64, ErrorCode> {
        let is_full = |count: usize, limit: Option<NonZero<usize>>| {
            limit.is_some_and(|limit| count >= limit.get())
        };
        let (user, job) = (&stream.who.reader().user, &stream.job);
        let count = |count: Option<&usize>| count.copied().unwrap_or_default();
        // The user's own limit first: it is the one that the user can do something about.
        if is_full(count(self.users.get(user)), limits.per_user) {
            return Err(ErrorCode::TooManyStreams);
        }
        if is_full(count(self.jobs.get(job)), limits.per_job) {
            return Err(ErrorCode::TooManyViewers);
        }
        if is_full(self.streams.len(), limits.total) {
            return Err(ErrorCode::AtCapacity);
        }
        *self.users.entry(user.clone()).or_default() += 1;
        *self.jobs.entry(job.clone()).or_default() += 1;
        let number = self.next_number;
        self.next_number += 1;
        self.streams.insert(number, Arc::clone(stream));
        Ok(number)
    }

    /// Removes a stream.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(stream) = self.streams.remove(&number) else {
            return;
        };
        shrink(&mut self.streams);
        subtract_one(&mut self.users, &stream.who.reader().user);
        subtract_one(&mut self.jobs, &stream.job);
    }
}

fn subtract_one<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
    shrink(counts);
}

/// Gives memory back after most entries have left.
fn shrink<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}
