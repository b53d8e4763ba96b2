//! The file of the store: opening it, opening it again after a failure, and whether the disk has room for more.
//!
//! After a failed read or write, redb refuses everything until the file is opened again. So a write is refused before redb
//! sees it where the disk has no room for it, and reads go on. If the disk fails all the same, the writer opens the file
//! again ([`File::open_again`]).

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _, WriteTransaction};

/// The name of the file in the store's directory.
const NAME: &str = "log-store.redb";

/// What a transaction of any size needs on the disk, in bytes: the pages on the way to those that it changes.
const ROOM: u64 = 1024 * 1024;

/// How much of the disk a transaction may need for each byte of its lines: pages are half full at worst, and the former
/// ones are free only after the commit.
const ROOM_FOR_EACH_BYTE: u64 = 3;

/// A file that may be closed for a while.
#[derive(Debug)]
pub(super) struct File {
    dir: PathBuf,
    cache_bytes: usize,
    /// `None` after a failure, until it is opened again.
    db: RwLock<Option<Arc<Database>>>,
    /// Whether the last write was refused because the disk is full: it is logged once.
    is_full: AtomicBool,
}

impl File {
    pub(super) fn open(dir: PathBuf, cache_bytes: usize) -> Result<Self, DatabaseError> {
        let db = open(&dir, cache_bytes)?;
        Ok(Self {
            dir,
            cache_bytes,
            db: RwLock::new(Some(Arc::new(db))),
            is_full: AtomicBool::new(false),
        })
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransaction, redb::Error> {
        Ok(self.database()?.begin_read()?)
    }

    pub(super) fn begin_write(&self) -> Result<WriteTransaction, redb::Error> {
        Ok(self.database()?.begin_write()?)
    }

    pub(super) fn is_open(&self) -> bool {
        self.db.read().is_some()
    }

    /// Closes the file after a failure.
    pub(super) fn close(&self) {
        drop(self.db.write().take());
    }

    /// Opens the file again. It is checked as a whole.
    ///
    /// # Errors
    /// It stays closed: the disk still fails, or a reader has not let go of it yet.
    pub(super) fn open_again(&self) -> Result<(), DatabaseError> {
        let db = open(&self.dir, self.cache_bytes)?;
        *self.db.write() = Some(Arc::new(db));
        Ok(())
    }

    /// Whether the disk has room for a transaction with lines of so many bytes.
    ///
    /// # Errors
    /// It has not.
    pub(super) fn check_room(&self, bytes: usize) -> Result<(), redb::Error> {
        let wanted = ROOM + ROOM_FOR_EACH_BYTE.saturating_mul(bytes as u64);
        // Where the file system does not say, the write itself shows it.
        let has_room = rustix::fs::statvfs(&self.dir).map_or(true, |disk| {
            disk.f_blocks == 0 || disk.f_bavail.saturating_mul(disk.f_frsize) >= wanted
        });
        match (has_room, self.is_full.swap(!has_room, Ordering::Relaxed)) {
            (true, true) => tracing::info!("log_store.disk_has_room"),
            (false, false) => {
                tracing::error!("log_store.disk_full: writes are refused, reads go on");
            }
            (true, false) | (false, true) => {}
        }
        if has_room {
            return Ok(());
        }
        Err(io::Error::new(ErrorKind::StorageFull, "the disk is full").into())
    }

    fn database(&self) -> Result<Arc<Database>, redb::Error> {
        let db = self.db.read().clone();
        db.ok_or(redb::Error::PreviousIo)
    }
}

fn open(dir: &Path, cache_bytes: usize) -> Result<Database, DatabaseError> {
    Database::builder()
        .set_cache_size(cache_bytes)
        .create(dir.join(NAME))
}
