//! The two backends, each as its documentation advises for this pattern.

use std::ops::Range;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase as _, TableDefinition};

/// The lines of a page's range.
type Ids = Range<u64>;

pub trait Backend {
    const NAME: &'static str;

    fn open(dir: &Path) -> Self;

    /// One atomic write: the lines under their ids, the job's record, and the removal of older lines.
    fn append(&mut self, job: u32, lines: &[(u64, &[u8])], remove: Ids);

    /// Reads up to `count` lines of a range from its newest end, and returns their bytes.
    fn page(&self, job: u32, ids: Ids, count: usize) -> usize;
}

fn key(job: u32, id: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&job.to_be_bytes());
    key[4..].copy_from_slice(&id.to_be_bytes());
    key
}

/// fjall with its defaults; a write is in the operating system's buffers when it returns, which outlives a kill.
pub struct Fjall {
    db: Database,
    lines: Keyspace,
    records: Keyspace,
    persist: PersistMode,
}

impl Fjall {
    fn with(db: Database, memtable: u64, persist: PersistMode) -> Self {
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memtable);
        Self {
            lines: db.keyspace("lines", options).unwrap(),
            records: db.keyspace("records", options).unwrap(),
            db,
            persist,
        }
    }
}

impl Backend for Fjall {
    const NAME: &'static str = "fjall";

    fn open(dir: &Path) -> Self {
        let db = Database::builder(dir).open().unwrap();
        Self::with(db, 64 << 20, PersistMode::Buffer)
    }

    fn append(&mut self, job: u32, lines: &[(u64, &[u8])], remove: Ids) {
        let mut batch = self.db.batch().durability(Some(self.persist));
        for (id, line) in lines {
            batch.insert(&self.lines, key(job, *id), *line);
        }
        for id in remove {
            batch.remove(&self.lines, key(job, id));
        }
        batch.insert(&self.records, job.to_be_bytes(), [0; 64]);
        batch.commit().unwrap();
    }

    fn page(&self, job: u32, ids: Ids, count: usize) -> usize {
        // The range ends at the first retained id: else a page at the old end reads through all tombstones.
        let range = self.lines.range(key(job, ids.start)..key(job, ids.end));
        range
            .rev()
            .take(count)
            .map(|line| line.value().unwrap().len())
            .sum()
    }
}

/// fjall with small buffers, for less memory and a shorter journal.
pub struct FjallSmall(Fjall);

impl Backend for FjallSmall {
    const NAME: &'static str = "fjall, small";

    fn open(dir: &Path) -> Self {
        let builder = Database::builder(dir)
            .worker_threads(1)
            .cache_size(16 << 20);
        let db = builder.max_journaling_size(64 << 20).open().unwrap();
        Self(Fjall::with(db, 8 << 20, PersistMode::Buffer))
    }

    fn append(&mut self, job: u32, lines: &[(u64, &[u8])], remove: Ids) {
        self.0.append(job, lines, remove);
    }

    fn page(&self, job: u32, ids: Ids, count: usize) -> usize {
        self.0.page(job, ids, count)
    }
}

/// fjall that syncs each write to the disk.
pub struct FjallSynced(Fjall);

impl Backend for FjallSynced {
    const NAME: &'static str = "fjall, synced";

    fn open(dir: &Path) -> Self {
        let db = Database::builder(dir).open().unwrap();
        Self(Fjall::with(db, 64 << 20, PersistMode::SyncData))
    }

    fn append(&mut self, job: u32, lines: &[(u64, &[u8])], remove: Ids) {
        self.0.append(job, lines, remove);
    }

    fn page(&self, job: u32, ids: Ids, count: usize) -> usize {
        self.0.page(job, ids, count)
    }
}

const LINES: TableDefinition<'_, &[u8; 12], &[u8]> = TableDefinition::new("lines");
const RECORDS: TableDefinition<'_, u32, &[u8; 64]> = TableDefinition::new("records");

/// redb as the embedded store uses it; a write is on the disk when it returns, as nothing less outlives a kill.
pub struct Redb {
    db: redb::Database,
}

impl Backend for Redb {
    const NAME: &'static str = "redb";

    fn open(dir: &Path) -> Self {
        let mut builder = redb::Database::builder();
        let db = builder
            .set_cache_size(64 << 20)
            .create(dir.join("db"))
            .unwrap();
        let mut redb = Self { db };
        redb.append(0, &[], 0..0);
        redb
    }

    fn append(&mut self, job: u32, lines: &[(u64, &[u8])], remove: Ids) {
        let txn = self.db.begin_write().unwrap();
        {
            let mut table = txn.open_table(LINES).unwrap();
            for (id, line) in lines {
                table.insert(&key(job, *id), *line).unwrap();
            }
            for id in remove {
                table.remove(&key(job, id)).unwrap();
            }
            txn.open_table(RECORDS)
                .unwrap()
                .insert(job, &[0; 64])
                .unwrap();
        }
        txn.commit().unwrap();
    }

    fn page(&self, job: u32, ids: Ids, count: usize) -> usize {
        let txn = self.db.begin_read().unwrap();
        let table = txn.open_table(LINES).unwrap();
        let range = table
            .range::<&[u8; 12]>(&key(job, ids.start)..&key(job, ids.end))
            .unwrap();
        range
            .rev()
            .take(count)
            .map(|line| line.unwrap().1.value().len())
            .sum()
    }
}
