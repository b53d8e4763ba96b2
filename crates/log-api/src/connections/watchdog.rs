//! Gives up clients that are gone without a word, and those that have not read anything for very long.
//!
//! One sweep for the process, not a timer a client: it reads the kernel's table, remembers the few sockets that wait
//! for their peer, and ends a connection that has waited too long.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::open::Connections;
use super::tcp_table::{self, Waiting};
use crate::config::ConnectionSettings;

/// How long clients may keep us waiting.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// With sent data that nobody acknowledges.
    unacknowledged: Duration,
    /// With a closed window.
    unread: Duration,
}

/// Since when a socket has waited.
#[derive(Debug, Clone, Copy)]
struct Suspect {
    last: Waiting,
    unanswered_since: Option<Instant>,
    unread_since: Option<Instant>,
}

/// Begins to sweep; ends with the process.
pub(super) fn spawn(connections: Connections, settings: &ConnectionSettings) {
    let patience = Patience {
        unacknowledged: settings.unacknowledged,
        unread: settings.unread,
    };
    tokio::spawn(sweep(connections, patience));
}

async fn sweep(connections: Connections, patience: Patience) {
    let every = patience.unacknowledged.min(patience.unread) / 4;
    let mut ticks = interval(every.max(Duration::from_millis(100)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut suspects = HashMap::new();
    loop {
        ticks.tick().await;
        if connections.is_empty() {
            suspects.clear();
            continue;
        }
        // It reads a file of the kernel's making, which takes milliseconds for ten thousand sockets.
        let table = tokio::task::spawn_blocking(tcp_table::waiting).await;
        let waiting = match table {
            Ok(Ok(waiting)) => waiting,
            Ok(Err(error)) => {
                tracing::warn!(%error, "clients that are gone without a word cannot be noticed here: no /proc/self/net/tcp");
                return;
            }
            Err(_) => return,
        };
        let ours = waiting.into_iter().filter(|w| connections.has(w.socket));
        suspects = judge(suspects, ours, Instant::now());
        for (socket, suspect) in &suspects {
            if let Some(why) = suspect.verdict(patience, Instant::now()) {
                tracing::info!(why, "a client is given up");
                connections.give_up(*socket);
            }
        }
    }
}

/// Goes on with what is known of the sockets that still wait; forgets the others.
fn judge(
    known: HashMap<u64, Suspect>,
    waiting: impl Iterator<Item = Waiting>,
    now: Instant,
) -> HashMap<u64, Suspect> {
    waiting
        .map(|now_seen| {
            let before = known.get(&now_seen.socket);
            (now_seen.socket, Suspect::next(before, now_seen, now))
        })
        .collect()
}

impl Suspect {
    fn next(before: Option<&Self>, seen: Waiting, now: Instant) -> Self {
        // The count begins anew with every answer.
        let goes_on = before.filter(|before| seen.unanswered >= before.last.unanswered);
        let unanswered_since = (seen.unanswered > 0)
            .then(|| goes_on.and_then(|before| before.unanswered_since))
            .map(|since| since.unwrap_or(now));
        // Whatever it reads changes how much is queued.
        let unmoved = before.filter(|before| seen.queued == before.last.queued);
        let unread_since = seen
            .window_closed
            .then(|| unmoved.and_then(|before| before.unread_since))
            .map(|since| since.unwrap_or(now));
        Self {
            last: seen,
            unanswered_since,
            unread_since,
        }
    }

    /// Why to give it up.
    fn verdict(&self, patience: Patience, now: Instant) -> Option<&'static str> {
        let over = |since: Option<Instant>, limit| since.is_some_and(|since| now - since >= limit);
        if over(self.unanswered_since, patience.unacknowledged) {
            Some("it does not answer")
        } else if over(self.unread_since, patience.unread) {
            Some("it has read nothing for long")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        unacknowledged: Duration::from_secs(40),
        unread: Duration::from_secs(600),
    };

    fn seen(queued: u64, window_closed: bool, unanswered: u64) -> Waiting {
        Waiting {
            socket: 1,
            queued,
            window_closed,
            unanswered,
        }
    }

    /// What is thought of a socket that looks like this, once every ten seconds.
    fn verdict(looks: impl IntoIterator<Item = Waiting>) -> Option<(u64, &'static str)> {
        let begin = Instant::now();
        let mut suspects = HashMap::new();
        for (n, look) in (0..).zip(looks) {
            let now = begin + Duration::from_secs(10 * n);
            suspects = judge(suspects, [look].into_iter(), now);
            if let Some(why) = suspects[&1].verdict(PATIENCE, now) {
                return Some((10 * n, why));
            }
        }
        None
    }

    #[test]
    fn a_client_that_acknowledges_nothing_is_given_up_after_two_heartbeats() {
        let looks = (1..100).map(|n| seen(50, false, n));
        assert_eq!(verdict(looks), Some((40, "it does not answer")));
    }

    #[test]
    fn one_that_is_gone_with_a_closed_window_is_given_up_as_soon() {
        let looks = (1..100).map(|n| seen(50, true, n));
        assert_eq!(verdict(looks), Some((40, "it does not answer")));
    }

    #[test]
    fn one_that_is_alive_and_reads_nothing_is_kept_for_as_long_as_was_asked() {
        // Now and then a probe is on its way.
        let looks = (0..100).map(|n| seen(65_536, true, n % 2));
        assert_eq!(verdict(looks), Some((600, "it has read nothing for long")));
    }

    #[test]
    fn one_that_reads_a_little_now_and_then_is_kept_for_ever() {
        let looks = (0..1000).map(|n| seen(65_536 - n % 50, true, 0));
        assert_eq!(verdict(looks), None);
    }

    #[test]
    fn one_that_loses_packets_and_answers_in_between_is_kept() {
        let looks = [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3];
        assert_eq!(verdict(looks.map(|n| seen(50, false, n))), None);
    }
}
