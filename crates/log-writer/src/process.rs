//! The process of a command, and the processes that it starts.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How often to look whether a group of processes has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The process of a [`crate::Running`] command, for sending signals to it. A command that was started by
/// [`crate::LogWriter::spawn_group`] stands for all processes of its group.
#[derive(Debug, Clone)]
pub struct Process {
    id: Option<u32>,
    has_group: bool,
    exited_at: watch::Receiver<Option<Instant>>,
}

impl Process {
    pub(crate) const fn new(
        id: Option<u32>,
        has_group: bool,
        exited_at: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            id,
            has_group,
            exited_at,
        }
    }

    /// The process id of the command. `None` after the command has ended, because the id may then belong to another process.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.id.filter(|_| self.exited_at.borrow().is_none())
    }

    /// Sends a signal, by its number, to the whole group, or to the command's process if it has no group of its own.
    /// Processes that have left the group (`setsid`) do not get it. `false` if there was nobody to get it.
    pub fn signal(&self, number: i32) -> bool {
        let Some(signal) = Signal::from_named_raw(number) else {
            return false;
        };
        match self.group() {
            Some(group) => kill_process_group(group, signal).is_ok(),
            None => pid(self.id()).is_some_and(|pid| kill_process(pid, signal).is_ok()),
        }
    }

    /// Whether the command, or any process of its group, still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.id().is_some()
            || self
                .group()
                .is_some_and(|group| test_kill_process_group(group).is_ok())
    }

    /// Asks the command to stop (TERM), and ends it (KILL) if it still runs after the grace. With a group, this is about all
    /// of its processes. Returns when they have ended, or were sent the KILL. [`crate::Running::wait`] must be polled
    /// meanwhile.
    pub async fn terminate(&self, grace: Duration) {
        self.signal(Signal::TERM.as_raw());
        self.kill_after(grace).await;
    }

    /// Waits until everything has ended. What still runs after the grace is ended (KILL).
    pub async fn kill_after(&self, grace: Duration) {
        let ended = async {
            while self.is_running() {
                sleep(LOOK_EVERY).await;
            }
        };
        if timeout(grace, ended).await.is_err() {
            self.signal(Signal::KILL.as_raw());
        }
    }

    fn group(&self) -> Option<Pid> {
        pid(self.id.filter(|_| self.has_group))
    }
}

fn pid(id: Option<u32>) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id?).ok()?)
}

/// Ends the group of a command whose end nobody waits for any more: the future that waited was dropped.
#[derive(Debug)]
pub(crate) struct EndGroupOnDrop(pub(crate) Process);

impl Drop for EndGroupOnDrop {
    fn drop(&mut self) {
        if self.0.has_group && self.0.id().is_some() {
            self.0.signal(Signal::KILL.as_raw());
        }
    }
}
