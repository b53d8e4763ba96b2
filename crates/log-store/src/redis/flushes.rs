//! Noticing that a database was emptied, or put in another's place.
//!
//! Redis tells a connection that tracks of that by a push without keys, which fred drops, and of nothing that is written
//! afterwards. But it counts its commands: whenever the counts of those that do such a thing have changed, everything
//! watched is flagged. One question a second, whatever is watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use tokio::time::sleep;

use super::fault::Fault;
use super::link::Link;
use super::registry::Registry;
use super::session::Session;

const EVERY: Duration = Duration::from_secs(1);

/// What `INFO commandstats` calls the commands that change keys without naming them.
const COMMANDS: [&str; 3] = ["cmdstat_flushall:", "cmdstat_flushdb:", "cmdstat_swapdb:"];

/// Whether flushes are noticed by themselves.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    noticed: AtomicBool,
}

impl Flushes {
    pub(super) fn are_noticed(&self) -> bool {
        self.noticed.load(Ordering::Relaxed)
    }

    /// Looks for ever.
    pub(super) async fn look(self: Arc<Self>, commands: Arc<Link>, registry: Arc<Registry>) {
        let mut seen = None;
        loop {
            match commands.read(counts).await {
                Ok(Some(now)) => {
                    // The first time too: what came before it is unknown.
                    if seen.as_ref() != Some(&now) {
                        tracing::debug!("what is watched may have been flushed, and is read again");
                        registry.flag_all();
                        seen = Some(now);
                    }
                    self.noticed.store(true, Ordering::Relaxed);
                }
                Ok(None) | Err(Fault::Refused(_)) => self.noticed.store(false, Ordering::Relaxed),
                // While it is away there is nothing to notice, and a server that was restarted counts anew.
                Err(_) => {}
            }
            sleep(EVERY).await;
        }
    }
}

/// How often the commands were called. `None` in a cluster, where one node would answer.
async fn counts(session: Session) -> Result<Option<Vec<String>>, Fault> {
    if session.is_cluster() {
        return Ok(None);
    }
    let info: String = session.reads().info(Some(InfoKind::CommandStats)).await?;
    Ok(Some(calls(&info)))
}

fn calls(info: &str) -> Vec<String> {
    let ours = |line: &&str| COMMANDS.iter().any(|command| line.starts_with(command));
    let calls = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    info.lines().filter(ours).map(calls).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_calls_of_what_empties_a_database_count() {
        let info = "# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\ncmdstat_flushall:calls=2,usec=70,usec_per_call=35.00\r\n";
        assert_eq!(calls(info), ["cmdstat_flushall:calls=2"]);
        assert_eq!(calls("# Commandstats\r\n"), Vec::<String>::new());
    }
}
