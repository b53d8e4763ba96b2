//! Processes that a command left behind, seen by the outputs that they hold open.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

/// The outputs of commands that have ended, while another process holds them open.
///
/// This process reads such an output as long as it lives. When it ends, nobody does, and the process that was left behind
/// dies of a broken pipe (SIGPIPE) at its next write. A program that wants to prevent that takes the outputs before it ends,
/// and gives them to a process that reads them to their end.
#[derive(Debug, Clone, Default)]
pub struct Leftovers(Arc<Mutex<Vec<Option<OwnedFd>>>>);

impl Leftovers {
    /// Whether any output is held open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.lock().iter().all(Option::is_none)
    }

    /// Takes the reading ends of the outputs. They do not block.
    #[must_use]
    pub fn take(&self) -> Vec<OwnedFd> {
        let mut held = self.0.lock();
        held.iter_mut().filter_map(Option::take).collect()
    }

    /// Adds an output. Returns its place.
    pub(crate) fn add(&self, output: Option<OwnedFd>) -> usize {
        let mut held = self.0.lock();
        held.push(output);
        held.len() - 1
    }

    /// The output at this place was closed.
    pub(crate) fn remove(&self, place: usize) {
        if let Some(output) = self.0.lock().get_mut(place) {
            *output = None;
        }
    }
}

/// What a command may leave behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftoverReaders {
    /// The outputs that are held open.
    pub(crate) outputs: Leftovers,
    /// The tasks that read them.
    pub(crate) tasks: TaskTracker,
}
