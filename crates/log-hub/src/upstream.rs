//! The one reader of a job's log: it follows the store and fills the feed.

use std::future::pending;
use std::sync::Arc;

use log_store::{FollowEvent, Follower, NewLines, Outage, StoreError};
use tokio::time::{Instant, sleep_until};

use crate::feed::{Feed, FeedEnd};
use crate::inner::HubInner;
use crate::ring::encode;
use crate::stats::Counters;

/// A feed's task. It ends when the log has ended, when nobody has watched for the linger, when the store refuses to be
/// read, or when the hub stops.
pub(crate) struct Upstream {
    hub: Arc<HubInner>,
    feed: Arc<Feed>,
    follower: Follower,
    /// Since when the feed has had no viewers.
    deserted_since: Option<Instant>,
    /// The feed counts among those that cannot read their log.
    in_outage: bool,
}

impl Upstream {
    pub(crate) fn new(hub: Arc<HubInner>, feed: Arc<Feed>, follower: Follower) -> Self {
        Counters::add(&hub.counters.feeds, 1);
        Self {
            hub,
            feed,
            follower,
            deserted_since: None,
            in_outage: false,
        }
    }

    pub(crate) async fn run(mut self) {
        let stop = self.hub.stop.clone();
        let followed = tokio::select! {
            () = stop.cancelled() => Ok(()),
            followed = self.follow() => followed,
        };
        if let Err(error) = followed {
            tracing::error!(job = %self.feed.job, %error, "the store refuses to read a log; its streams are broken off");
        }
    }

    /// Fills the feed until the log has ended or nobody watches any more.
    async fn follow(&mut self) -> Result<(), StoreError> {
        while !self.has_lingered() {
            let linger_ends_at = self
                .deserted_since
                .map(|since| since + self.hub.options.linger);
            let linger = async {
                match linger_ends_at {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            let event = tokio::select! {
                event = self.follower.next() => event?,
                () = self.feed.lost.notified() => {
                    self.follower.reread();
                    continue;
                }
                // Told each time the last viewer leaves: the linger counts from the last of these.
                () = self.feed.deserted.notified() => {
                    self.deserted_since = Some(Instant::now());
                    continue;
                }
                () = linger => continue,
            };
            match event {
                Some(FollowEvent::Lines(new)) => self.push(new),
                Some(FollowEvent::Unavailable(outage)) => self.note_outage(&outage),
                Some(FollowEvent::Recovered { .. }) => self.note_recovery(),
                Some(FollowEvent::End {
                    end: job_end,
                    position,
                }) => {
                    self.end(FeedEnd { job_end, position });
                    return Ok(());
                }
                // What a later version may add.
                Some(_) => {}
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether nobody has watched for the linger. If so, nobody can join the feed any more.
    fn has_lingered(&mut self) -> bool {
        let Some(since) = self.deserted_since else {
            return false;
        };
        if !self.feed.lock().is_deserted() {
            self.deserted_since = None;
            return false;
        }
        since.elapsed() >= self.hub.options.linger && self.hub.registry.retire_deserted(&self.feed)
    }

    /// Hands on what a read has found.
    fn push(&mut self, new: NewLines) {
        Counters::add(&self.hub.counters.lines, new.lines.len() as u64);
        // Up to 256 KiB of JSON: not under the lock, for which every viewer of the job would wait.
        let segments = encode(&new.lines);
        self.feed.publish(|state| {
            if let Some(found) = new.gap {
                state.ring.push_gap(found);
            }
            if new.is_reread {
                state.ring.mark_found();
            }
            state.ring.push_lines(segments);
            state.ring.skip_to(new.position);
        });
    }

    fn end(&self, end: FeedEnd) {
        // First out of the registry: a viewer that comes now must look at the log anew.
        self.hub.registry.retire(&self.feed);
        self.feed.publish(|state| state.end = Some(end));
    }

    fn note_outage(&mut self, outage: &Outage) {
        Counters::add(&self.hub.counters.failed_reads, 1);
        if !self.in_outage {
            self.in_outage = true;
            self.hub.outages.feed_failed(&outage.error);
        }
    }

    fn note_recovery(&mut self) {
        if std::mem::take(&mut self.in_outage) {
            self.hub.outages.feed_recovered();
        }
    }
}

impl Drop for Upstream {
    /// However the task ends, by a panic of the store or with its runtime too: nobody joins a feed, or waits for one, that
    /// nobody fills.
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(job = %self.feed.job, "the reader of a log has panicked; its streams are broken off");
        }
        if self.in_outage {
            self.hub.outages.feed_ended();
        }
        self.hub.registry.retire(&self.feed);
        self.feed
            .publish(|state| state.broken |= state.end.is_none());
        Counters::sub(&self.hub.counters.feeds, 1);
    }
}
