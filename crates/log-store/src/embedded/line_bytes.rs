//! How many bytes all lines have in the file. The count is kept in the file, because nobody can afford to count them.

use redb::{ReadableTable, Table};

/// Its name in the table `meta`.
pub(super) const LINE_BYTES: &str = "line_bytes";

/// What a line has beside its fields: its key, and its place in a page.
const OVERHEAD: u64 = 32;

/// The count, within a transaction.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct LineBytes {
    bytes: u64,
    /// In the file. `None` in a file that an older version has made.
    kept: Option<u64>,
}

impl LineBytes {
    pub(super) fn read(meta: &Table<'_, &'static str, u64>) -> Result<Self, redb::Error> {
        let kept = meta.get(LINE_BYTES)?.map(|kept| kept.value());
        Ok(Self {
            bytes: kept.unwrap_or(0),
            kept,
        })
    }

    pub(super) const fn get(self) -> u64 {
        self.bytes
    }

    /// Whether the file has a count.
    pub(super) const fn is_kept(self) -> bool {
        self.kept.is_some()
    }

    /// Whether the count in the file is another one.
    pub(super) fn has_changed(self) -> bool {
        self.kept != Some(self.bytes)
    }

    /// Takes the count for the one in the file.
    #[cfg(feature = "conformance")]
    pub(super) const fn take_for_kept(&mut self) {
        self.kept = Some(self.bytes);
    }

    /// A line of so many bytes of fields.
    pub(super) const fn add(&mut self, fields: usize) {
        self.bytes = self.bytes.saturating_add(fields as u64 + OVERHEAD);
    }

    /// A line of so many bytes of fields is gone.
    pub(super) const fn remove(&mut self, fields: usize) {
        self.bytes = self.bytes.saturating_sub(fields as u64 + OVERHEAD);
    }
}
