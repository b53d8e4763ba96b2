//! Noticing changes where the server does not push them: asking, for many keys at once.
//!
//! New lines are asked for with one `XREAD` for up to [`KEYS_AT_ONCE`] streams, every poll interval. What `XREAD` does
//! not show (a trim, a deletion, a log made anew, and everything about a job) is compared with what the reader saw
//! last, a tenth of the keys every interval.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::StreamsInterface;
use log_domain::EntryId;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::decode;
use super::fault::Fault;
use super::link::Link;
use super::reads;
use super::registry::Registry;
use super::session::{Noticed, Session};
use super::slot::{Baseline, Slot};

/// Streams in one `XREAD`.
const KEYS_AT_ONCE: usize = 500;

/// In how many intervals every key is compared once.
const SLICES: usize = 10;

/// Commands under way at once.
const AT_ONCE: usize = 64;

type Waiting = (Arc<Slot>, Baseline);

/// Polls for ever, while the tail's session must be polled.
pub(super) async fn run(tail: Arc<Link>, registry: Arc<Registry>, every: Duration) {
    let mut sessions = tail.sessions();
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut slice = 0;
    loop {
        let polled = |s: &Option<Session>| matches!(s, Some(s) if s.noticed == Noticed::ByPolling);
        // The link, which sends, lives as long as this task.
        if sessions.wait_for(polled).await.is_err() {
            return;
        }
        ticks.tick().await;
        slice = (slice + 1) % SLICES;
        if let Err(fault) = round(&tail, &registry.waiting(), slice).await {
            // The next session flags everything, so nothing is lost by a round that failed.
            tracing::debug!(%fault, "a poll failed");
        }
    }
}

/// Asks once.
async fn round(tail: &Arc<Link>, waiting: &[Waiting], slice: usize) -> Result<(), Fault> {
    let logs: Vec<_> = waiting.iter().filter_map(position).collect();
    let at_once = match tail.current() {
        // Keys of one command must share a slot.
        Some(session) if session.is_cluster() => 1,
        _ => KEYS_AT_ONCE,
    };
    let mut asked = Asked::default();
    for chunk in logs.chunks(at_once) {
        asked.add(flag_news(Arc::clone(tail), chunk.to_vec())).await;
    }
    for (slot, baseline) in waiting.iter().skip(slice).step_by(SLICES).cloned() {
        asked.add(compare(Arc::clone(tail), slot, baseline)).await;
    }
    asked.all().await
}

/// Questions under way, at most [`AT_ONCE`].
#[derive(Default)]
struct Asked {
    under_way: JoinSet<Result<(), Fault>>,
    /// The last one that failed.
    failed: Option<Fault>,
}

impl Asked {
    async fn add(&mut self, question: impl Future<Output = Result<(), Fault>> + Send + 'static) {
        if self.under_way.len() >= AT_ONCE {
            self.next().await;
        }
        self.under_way.spawn(question);
    }

    async fn all(mut self) -> Result<(), Fault> {
        while !self.under_way.is_empty() {
            self.next().await;
        }
        self.failed.map_or(Ok(()), Err)
    }

    async fn next(&mut self) {
        if let Some(Ok(Err(fault))) = self.under_way.join_next().await {
            self.failed = Some(fault);
        }
    }
}

fn position((slot, baseline): &Waiting) -> Option<(Arc<Slot>, EntryId)> {
    match baseline {
        Baseline::Log(bounds) => Some((Arc::clone(slot), bounds.last_id)),
        Baseline::Job(_) => None,
    }
}

/// Flags the logs of a chunk that have lines their readers have not seen.
async fn flag_news(tail: Arc<Link>, chunk: Vec<(Arc<Slot>, EntryId)>) -> Result<(), Fault> {
    let keys: Vec<&str> = chunk.iter().map(|(slot, _)| &*slot.key).collect();
    let ids: Vec<String> = chunk.iter().map(|(_, id)| id.to_string()).collect();
    let read = async |session: Session| {
        let (keys, ids) = (keys.clone(), ids.clone());
        decode::streams(session.reads().xread(Some(1), None, keys, ids).await?)
    };
    let news = match tail.read(read).await {
        // One key of another type spoils the command for all; each is compared by itself anyway.
        Err(Fault::Refused(_)) => return Ok(()),
        news => news?,
    };
    for (slot, _) in &chunk {
        if news.iter().any(|(key, _)| **key == *slot.key) {
            slot.flag();
        }
    }
    Ok(())
}

/// Flags a key that does not look as its reader saw it last.
async fn compare(tail: Arc<Link>, slot: Arc<Slot>, baseline: Baseline) -> Result<(), Fault> {
    let read = async |session: Session| match baseline {
        Baseline::Log(_) => reads::bounds(&session, &slot.key).await.map(Baseline::Log),
        Baseline::Job(_) => reads::job(&session, &slot.key).await.map(Baseline::Job),
    };
    match tail.read(read).await {
        Ok(now) if now == baseline => {}
        // A key that cannot be read any more (it is of another type now) has changed too.
        Ok(_) | Err(Fault::Refused(_)) => slot.flag(),
        Err(fault) => return Err(fault),
    }
    Ok(())
}
