//! What the writer, the readers and the watches of one store share.

use log_domain::JobId;
use tokio_util::sync::DropGuard;

use super::file::File;
use super::options::EmbeddedOptions;
use super::tables::{Change, Tables};
use crate::notice::Notices;

/// The file, and who is notified of its changes.
#[derive(Debug)]
pub(super) struct EmbeddedInner {
    pub(super) file: File,
    pub(super) options: EmbeddedOptions,
    pub(super) logs: Notices<JobId>,
    pub(super) jobs: Notices<JobId>,
    pub(super) access: Notices<()>,
    /// Tells that the file is closed. After `file`, because fields are dropped in this order.
    pub(super) _closed: DropGuard,
}

impl EmbeddedInner {
    /// Runs `work` in one transaction, and commits it if it changed anything.
    pub(super) fn transact<T>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error>,
    ) -> Result<(T, Vec<Change>), redb::Error> {
        let txn = self.file.begin_write()?;
        let mut tables = Tables::open(&txn, &self.options)?;
        let value = work(&mut tables)?;
        tables.keep_count()?;
        let (dirty, changes) = (tables.dirty, std::mem::take(&mut tables.changes));
        drop(tables);
        if dirty {
            txn.commit()?;
        } else {
            txn.abort()?;
        }
        Ok((value, changes))
    }

    /// Notifies the watches of what a committed transaction changed.
    pub(super) fn notify(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Log(job) => self.logs.notify(job),
                Change::Job(job) => self.jobs.notify(job),
                Change::Access => self.access.notify(&()),
            }
        }
    }
}
