//! Reading ahead: while few logs are watched, one command waits at Redis for the next lines of any of them.
//!
//! A push says that a log has changed, and only the next question how: a line goes to Redis and back twice. The answer to a
//! read that blocks has the lines in it. Its cost grows with the logs that it waits for, so it is done for few; the others,
//! and those that join while it waits, are pushed (docs/adr/0018-reading-ahead.md).
//!
//! While a log is read ahead, pushes about it are passed over: this read sees what they are about, or the one after it. So
//! whatever ends it here (too many logs, a lost connection, an answer that nobody took) flags the watch, whose reader then
//! reads by itself and is pushed again.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::{ClientLike, StreamsInterface};
use fred::types::{ClusterHash, CustomCommand, Value};
use futures_util::future::{join, join_all};
use log_domain::LogBounds;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::decode;
use super::fault::Fault;
use super::link::Link;
use super::reads::known_bounds;
use super::registry::Registry;
use super::session::{PATIENCE, Session, timed_out};
use super::slot::Slot;
use crate::lines::TailRead;

/// How long a read waits at Redis. It bounds how long anything but a new line stays unseen, and how long a log that joins
/// waits to be read ahead. Well below [`PATIENCE`], because a heartbeat is answered after it.
const BLOCK: Duration = Duration::from_millis(500);

/// The pause after an answer. Lines that come fast come together; and at Redis nothing is asked at the moment at which
/// viewers are woken.
const PAUSE: Duration = Duration::from_millis(2);

/// The pause after a read that failed. Meanwhile every watch is pushed.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(1);

/// The same where the server has refused: it will again.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(60);

/// The most lines of a log in an answer. Where there may be more the reader reads by itself.
const LINES: usize = 128;

/// The logs of a read, each as its reader saw it last.
type Asked = Vec<(Arc<Slot>, LogBounds)>;

/// Reads ahead as long as the store lives.
pub(super) async fn run(link: Link, registry: Arc<Registry>) {
    let mut sessions = link.sessions();
    let mut before = Asked::new();
    loop {
        let session = link.current();
        let asked = match session {
            Some(_) => registry.take_few(),
            None => Asked::new(),
        };
        // Those that are not taken again.
        before.iter().for_each(|(slot, _)| slot.let_go());
        before = match session {
            Some(session) if !asked.is_empty() => round(&session, asked).await,
            Some(_) => {
                registry.until_one_may_be_read_ahead().await;
                Asked::new()
            }
            // The link, which sends, lives as long as this task.
            None => match sessions.wait_for(Option::is_some).await {
                Ok(_) => Asked::new(),
                Err(_) => return,
            },
        };
    }
}

/// Reads once, and hands over what it has found. Returns what it has read.
async fn round(session: &Session, asked: Asked) -> Asked {
    let pause = match in_time(read(session, &asked)).await {
        Ok(found) => {
            for ((slot, seen), found) in asked.iter().zip(found) {
                hand_over(slot, seen, found);
            }
            PAUSE
        }
        Err(fault) => {
            tracing::debug!(%fault, "logs cannot be read ahead");
            asked.iter().for_each(|(slot, _)| slot.flag());
            match fault {
                Fault::Refused(_) => PAUSE_AFTER_REFUSAL,
                _ => PAUSE_AFTER_FAULT,
            }
        }
    };
    // The readers, and whom they wake, come first.
    yield_now().await;
    sleep(pause).await;
    asked
}

fn hand_over(slot: &Slot, seen: &LogBounds, found: TailRead) {
    if found.more {
        slot.flag();
    } else if !found.lines.is_empty() {
        slot.found(found);
    } else if found.bounds == *seen {
        slot.nothing_found();
    } else {
        // It was trimmed, or deleted, or made anew; or a line came just now.
        slot.flag();
    }
}

/// Longer than a server waits that is well.
async fn in_time<T>(read: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let read = timeout(BLOCK + PATIENCE, read).await;
    read.unwrap_or_else(|_| Err(timed_out().into()))
}

/// Waits for lines of any of these logs, and asks what each looks like then. Redis has all questions at once, so that it
/// answers them together.
async fn read(session: &Session, asked: &Asked) -> Result<Vec<TailRead>, Fault> {
    let reads = session.reads();
    // Not fred's own command: behind one that blocks it sends nothing.
    let xread = CustomCommand::new_static("XREAD", ClusterHash::FirstKey, false);
    let lines = reads.custom::<Value, _>(xread, arguments(asked));
    let bounds =
        (asked.iter()).map(|(slot, _)| reads.xinfo_stream::<Value, _>(&*slot.key, false, None));
    // In this order they are polled for the first time, which is when they are handed over.
    let (lines, bounds) = join(lines, join_all(bounds)).await;
    let mut streams = decode::streams(lines?)?;
    let mut lines_of = |key: &str| {
        let stream = streams.iter_mut().find(|(name, _)| name == key);
        stream.map_or(Vec::new(), |(_, lines)| std::mem::take(lines))
    };
    let found = asked.iter().zip(bounds).map(|((slot, _), bounds)| {
        let lines = lines_of(&slot.key);
        Ok(TailRead {
            more: lines.len() >= LINES,
            lines,
            bounds: known_bounds(bounds)?,
        })
    });
    found.collect()
}

/// What `XREAD` is told.
fn arguments(asked: &Asked) -> Vec<String> {
    let options = [
        "COUNT".into(),
        LINES.to_string(),
        "BLOCK".into(),
        BLOCK.as_millis().to_string(),
        "STREAMS".into(),
    ];
    let keys = asked.iter().map(|(slot, _)| slot.key.to_string());
    let after = asked.iter().map(|(_, seen)| seen.last_id.to_string());
    options.into_iter().chain(keys).chain(after).collect()
}
