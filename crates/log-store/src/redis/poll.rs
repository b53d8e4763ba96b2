//! Noticing changes where the server does not push them: asking, for many keys at once.
//!
//! New lines are asked for with one `XREAD` for up to [`KEYS_AT_ONCE`] streams, every poll interval. What `XREAD` does
//! not show (a trim, a deletion, a log made anew, and everything about a job) is compared with what the reader saw
//! last, a tenth of the keys every interval.

use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::StreamsInterface;
use fred::types::Value;
use log_domain::EntryId;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::decode;
use super::fault::Fault;
use super::fred_client::{Noticed, Session};
use super::link::Link;
use super::reads;
use super::registry::{Baseline, Registry, Slot};

/// Streams in one `XREAD`.
const KEYS_AT_ONCE: usize = 500;

/// In how many intervals every key is compared once.
const SLICES: usize = 10;

/// Comparisons under way at once.
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
        Some(session) if session.is_cluster() => 1,
        _ => KEYS_AT_ONCE,
    };
    for chunk in logs.chunks(at_once) {
        flag_news(tail, chunk).await?;
    }
    let due = waiting.iter().skip(slice).step_by(SLICES).cloned();
    let mut comparisons = JoinSet::new();
    for (slot, baseline) in due {
        if comparisons.len() >= AT_ONCE {
            comparisons.join_next().await;
        }
        comparisons.spawn(compare(Arc::clone(tail), slot, baseline));
    }
    while comparisons.join_next().await.is_some() {}
    Ok(())
}

fn position((slot, baseline): &Waiting) -> Option<(&Arc<Slot>, EntryId)> {
    match baseline {
        Baseline::Log(bounds) => Some((slot, bounds.last_id)),
        Baseline::Job(_) => None,
    }
}

/// Flags the logs of a chunk that have lines their readers have not seen.
async fn flag_news(tail: &Link, chunk: &[(&Arc<Slot>, EntryId)]) -> Result<(), Fault> {
    let keys: Vec<&str> = chunk.iter().map(|(slot, _)| &*slot.key).collect();
    let ids: Vec<String> = chunk.iter().map(|(_, id)| id.to_string()).collect();
    let read = async |session: Session| {
        let news = session
            .reads()
            .xread::<Value, _, _>(Some(1), None, keys.clone(), ids.clone())
            .await?;
        Ok(decode::keys_with_news(news))
    };
    let news = match tail.read(read).await {
        // One key of another type spoils the command for all; each is compared by itself anyway.
        Err(Fault::Refused(_)) => Vec::new(),
        news => news?,
    };
    for (slot, _) in chunk {
        if news.iter().any(|key| **key == *slot.key) {
            slot.flag();
        }
    }
    Ok(())
}

/// Flags a key that does not look as its reader saw it last.
async fn compare(tail: Arc<Link>, slot: Arc<Slot>, baseline: Baseline) {
    let read = async |session: Session| match baseline {
        Baseline::Log(_) => reads::bounds(&session, &slot.key).await.map(Baseline::Log),
        Baseline::Job(_) => reads::job(&session, &slot.key).await.map(Baseline::Job),
    };
    match tail.read(read).await {
        Ok(now) if now == baseline => {}
        // A key that cannot be read any more (it is of another type now) has changed too.
        Ok(_) | Err(Fault::Refused(_)) => slot.flag(),
        Err(_) => {}
    }
}
