//! Noticing that a database was emptied (`FLUSHALL`, `FLUSHDB`) or exchanged for another (`SWAPDB`).
//!
//! Redis tells a tracking connection about that by a push without keys, which fred drops. Redis then forgets what was
//! tracked, so it does not push later changes either. But it counts its commands: when the counts of these commands change,
//! everything watched is flagged. That takes one `INFO` a second, whatever is watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fred::interfaces::ClientLike;
use fred::types::InfoKind;
use tokio::time::sleep;

use super::connection::Connection;
use super::fault::Fault;
use super::registry::Registry;
use super::session::Session;

const EVERY: Duration = Duration::from_secs(1);

/// What `INFO commandstats` calls the commands that change keys without naming them.
const COMMANDS: [&str; 3] = ["cmdstat_flushall:", "cmdstat_flushdb:", "cmdstat_swapdb:"];

/// Whether flushes are detected. Shared by the task that looks for them and the sweep, which is slower where they are.
#[derive(Debug, Default)]
pub(super) struct FlushDetection {
    works: AtomicBool,
}

impl FlushDetection {
    pub(super) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Looks for flushes for ever.
    pub(super) async fn run(self: Arc<Self>, commands: Arc<Connection>, registry: Arc<Registry>) {
        let mut last = None;
        loop {
            match commands.read(command_counts).await {
                Ok(Some(now)) => {
                    // The first time too: what happened before it is unknown.
                    if last.as_ref() != Some(&now) {
                        tracing::debug!(
                            "the database may have been flushed; all watches read again"
                        );
                        registry.flag_all();
                        last = Some(now);
                    }
                    self.works.store(true, Ordering::Relaxed);
                }
                // In an outage nothing is flushed unseen: the next connection flags everything.
                Err(
                    Fault::ConnectionLost(_)
                    | Fault::DeadlineExceeded { .. }
                    | Fault::TooManyOperations,
                ) => {}
                Ok(None)
                | Err(Fault::TryAgain(_) | Fault::NotPermitted(_) | Fault::Permanent(_)) => {
                    self.works.store(false, Ordering::Relaxed);
                }
            }
            sleep(EVERY).await;
        }
    }
}

/// How often each command was called. `None` in a cluster, where only one node would answer.
async fn command_counts(session: Session) -> Result<Option<Vec<String>>, Fault> {
    if session.is_cluster() {
        return Ok(None);
    }
    let info: String = session.reads().info(Some(InfoKind::CommandStats)).await?;
    Ok(Some(parse_counts(&info)))
}

fn parse_counts(info: &str) -> Vec<String> {
    let is_ours = |line: &&str| COMMANDS.iter().any(|command| line.starts_with(command));
    let count = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    info.lines().filter(is_ours).map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_commands_that_empty_a_database_are_counted() {
        let info = "# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\ncmdstat_flushall:calls=2,usec=70,usec_per_call=35.00\r\n";
        assert_eq!(parse_counts(info), ["cmdstat_flushall:calls=2"]);
        assert_eq!(parse_counts("# Commandstats\r\n"), Vec::<String>::new());
    }
}
