//! Noticing changes where the server does not push them: every watch is flagged at a fixed pace, and the read that follows
//! decides whether anything has changed.
//!
//! With up to [`KEYS_PER_ROUND`] watched keys, every watch is flagged each poll interval (50 ms by default). With more keys,
//! each round flags a part of them, so that Redis gets at most 2,000 of these reads a second. The time between two reads of
//! one key grows up to [`SLICES`] intervals (1 s, reached at 2,000 keys). It grows no further, because a revocation must be
//! noticed within a second (V2 of [`crate::Revocations`]); beyond 2,000 keys the number of reads grows instead.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::connection::Connection;
use super::registry::Registry;
use super::session::{ChangeDetection, Session};
use super::share::Share;

/// How many keys one round reads, as long as that reaches every key within [`SLICES`] rounds.
const KEYS_PER_ROUND: u64 = 100;

/// Every key is read once within this many rounds.
const SLICES: u64 = 20;

/// Flags watches for ever, while the connection's session must be polled.
pub(super) async fn run(
    connection: Arc<Connection>,
    registry: Arc<Registry>,
    share: Share,
    every: Duration,
) {
    let mut sessions = connection.sessions();
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first = 0;
    loop {
        let is_polled = |session: &Option<Session>| {
            let detection = session.as_ref().map(|session| session.change_detection);
            detection == Some(ChangeDetection::Polling)
        };
        // The sender lives as long as this task, in the connection.
        if sessions.wait_for(is_polled).await.is_err() {
            return;
        }
        rounds.tick().await;
        let count = slices_per_round(registry.len());
        registry.flag_slices(&share, first, count, SLICES);
        first = (first + count) % SLICES;
    }
}

/// How many of the [`SLICES`] one round flags.
fn slices_per_round(watched: usize) -> u64 {
    let rounds = (watched as u64).div_ceil(KEYS_PER_ROUND).clamp(1, SLICES);
    SLICES.div_ceil(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_two_reads_of_a_key_grows_with_the_number_of_keys() {
        for (watched, slices) in [
            (0, 20),
            (100, 20),
            (101, 10),
            (1_000, 2),
            (2_000, 1),
            (50_000, 1),
        ] {
            assert_eq!(slices_per_round(watched), slices, "{watched} keys");
        }
    }
}
