//! Looking at a server once a second, by one `INFO`: whether its database was emptied (`FLUSHALL`, `FLUSHDB`) or exchanged
//! for another (`SWAPDB`), and whether it has become a replica.
//!
//! Redis tells a tracking connection about a flush by a push without keys, which fred drops. Redis then forgets what was
//! tracked, so it does not push later changes either. But it counts its commands: when the counts of these commands change,
//! everything watched is flagged.
//!
//! A primary that has become a replica takes no writes any more, and its lines may be those of an earlier time. So its
//! connections are ended, and made again to whatever server the name stands for then. One that was a replica from the
//! beginning is what somebody wants to read from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::connection::Connection;
use super::fault::Fault;
use super::question::Command;
use super::registry::Registry;
use super::session::Session;
use super::share::Share;

const EVERY: Duration = Duration::from_secs(1);

/// What `INFO commandstats` calls the commands that change keys without naming them.
const COMMANDS: [&str; 3] = ["cmdstat_flushall:", "cmdstat_flushdb:", "cmdstat_swapdb:"];

/// Whether flushes are noticed. Shared by the task that looks for them and the sweep, which is slower where they are.
#[derive(Debug, Default)]
pub(super) struct ServerWatch {
    works: AtomicBool,
}

/// What one look has found.
#[derive(Debug, PartialEq, Eq)]
struct Observation {
    /// The session on which it was asked.
    session: u64,
    is_replica: bool,
    /// How often each of [`COMMANDS`] was called.
    counts: Vec<String>,
}

impl ServerWatch {
    /// Whether flushes are noticed.
    pub(super) fn notices_flushes(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Looks at the server for ever, over the first of its connections.
    pub(super) async fn run(
        self: Arc<Self>,
        connections: [Arc<Connection>; 2],
        registry: Arc<Registry>,
        share: Share,
    ) {
        let mut last: Option<Observation> = None;
        loop {
            match connections[0].read(look).await {
                Ok(now) => {
                    let was_primary = last
                        .as_ref()
                        .is_some_and(|last| last.session == now.session && !last.is_replica);
                    if now.is_replica && was_primary {
                        tracing::warn!("the primary has become a replica; connecting again");
                        for connection in &connections {
                            connection.end_session();
                        }
                    }
                    // The first time too: what happened before it is unknown.
                    if last.as_ref().map(|last| &last.counts) != Some(&now.counts) {
                        tracing::debug!("the database may have been flushed");
                        registry.flag_share(&share);
                    }
                    last = Some(now);
                    self.works.store(true, Ordering::Relaxed);
                }
                // In an outage nothing is flushed unseen: the next connection flags everything.
                Err(fault) if !fault.is_answer() => {}
                Err(_) => self.works.store(false, Ordering::Relaxed),
            }
            sleep(EVERY).await;
        }
    }
}

async fn look(session: Session) -> Result<Observation, Fault> {
    let sections = Command::new("INFO", ["replication", "commandstats"]);
    let info = session.call(sections).await?;
    let text = info.as_str().unwrap_or_default();
    parse(session.number, &text).ok_or(Fault::garbled("INFO tells no role"))
}

fn parse(session: u64, info: &str) -> Option<Observation> {
    let role = info.lines().find_map(|line| line.strip_prefix("role:"))?;
    let is_ours = |line: &&str| COMMANDS.iter().any(|command| line.starts_with(command));
    let count = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    Some(Observation {
        session,
        is_replica: role.trim() == "slave",
        counts: info.lines().filter(is_ours).map(count).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_sees_the_role_and_only_the_commands_that_empty_a_database() {
        let info = "# Replication\r\nrole:slave\r\nmaster_host:h\r\n\r\n# Commandstats\r\ncmdstat_get:calls=9,usec=1\r\ncmdstat_flushall:calls=2,usec=70,usec_per_call=35.00\r\n";
        let expected = Observation {
            session: 4,
            is_replica: true,
            counts: vec!["cmdstat_flushall:calls=2".to_owned()],
        };
        assert_eq!(parse(4, info), Some(expected));
        assert_eq!(parse(4, "# Commandstats\r\n"), None);
    }
}
