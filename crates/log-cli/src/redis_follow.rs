//! Follows a log on Redis directly.

use std::collections::VecDeque;
use std::time::Duration;

use log_domain::{JobId, Start};
use log_store::redis::RedisStore;
use log_store::{FollowEvent, FollowOptions, Follower, Jobs as _, LostRuns};
use tokio::time::{Instant, timeout};

use crate::event::{Event, MissingLines};
use crate::exit::Failure;
use crate::lost_run;
use crate::redis::UNREACHABLE;
use crate::wait_notice::TICK;

/// A log on Redis that is followed.
pub(crate) struct RedisFollow {
    store: RedisStore,
    follower: Follower,
    /// Events that nobody has taken yet.
    events: VecDeque<Event>,
    /// Whether the follower's last read has failed.
    read_failed: bool,
    /// Since when Redis cannot be reached, or cannot be read.
    unavailable_since: Option<Instant>,
    /// How long Redis may be unavailable.
    patience: Duration,
    job: JobId,
    /// Ends the job if its worker was lost, where no service does it. Otherwise this would follow it for ever.
    lost_runs: LostRuns,
    /// When to look for that next.
    look_at: Instant,
}

/// How often to look whether the worker was lost.
const LOOK_EVERY: Duration = Duration::from_secs(10);

impl RedisFollow {
    pub(crate) async fn open(
        store: RedisStore,
        job: &JobId,
        start: Start,
        patience: Duration,
    ) -> Result<Self, Failure> {
        if store.get(job).await?.is_none() {
            return Err(Failure::no_such_job(job));
        }
        let options = FollowOptions::default();
        let follower = Follower::open(&store, &store, job, start, options).await?;
        Ok(Self {
            job: job.clone(),
            lost_runs: lost_run::watcher(&store),
            look_at: Instant::now() + LOOK_EVERY,
            store,
            follower,
            events: VecDeque::new(),
            read_failed: false,
            unavailable_since: None,
            patience,
        })
    }

    /// The next event. `None` after the end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let Ok(event) = timeout(TICK, self.follower.next()).await else {
                self.look_for_lost_worker().await;
                return self.check_connection().map(Some);
            };
            match event? {
                Some(FollowEvent::Lines(new)) => {
                    self.events.extend(new.gap.map(|found| {
                        Event::Gap(MissingLines {
                            after_id: found.gap.after_id,
                            first_id: found.gap.first_id,
                            count: new.missing,
                        })
                    }));
                    self.events.extend(new.lines.into_iter().map(Event::Line));
                }
                Some(FollowEvent::Unavailable(_)) => {
                    self.read_failed = true;
                    return self.check_connection().map(Some);
                }
                Some(FollowEvent::Recovered { .. }) => {
                    self.read_failed = false;
                    return self.check_connection().map(Some);
                }
                Some(FollowEvent::End { end, .. }) => {
                    return Ok(Some(Event::Done(end.into())));
                }
                // What a later version may add.
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    async fn look_for_lost_worker(&mut self) {
        if Instant::now() < self.look_at || !self.store.state().connected {
            return;
        }
        self.look_at = Instant::now() + LOOK_EVERY;
        // Who may read a log, and not change its job, waits for somebody else. The end comes as that of any job.
        let _ = self.lost_runs.look_at(&self.job).await;
    }

    /// The follower waits through an outage without a limit, and notices it only when it reads. A user wants to know
    /// about it, and does not want to wait for ever.
    fn check_connection(&mut self) -> Result<Event, Failure> {
        if self.store.state().connected && !self.read_failed {
            let was_unavailable = self.unavailable_since.take().is_some();
            return Ok(if was_unavailable {
                Event::Available
            } else {
                Event::Idle
            });
        }
        let since = *self.unavailable_since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.patience {
            let seconds = since.elapsed().as_secs();
            let text = format_args!("gave up after {seconds} s: Redis cannot be reached");
            return Err(Failure::new(Failure::UNREACHABLE, text));
        }
        Ok(Event::Unavailable(UNREACHABLE.to_owned()))
    }
}
