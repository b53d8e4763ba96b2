//! What a reader of a ring gets.

use bytes::Bytes;
use log_domain::{EntryId, FoundGap};

/// What a ring has for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RingRead {
    /// Lines.
    Frames(Chunk),
    /// Lines may be missing here. The reader wants the segment `next` after it.
    Gap { found: FoundGap, next: u64 },
    /// The reader has everything. It will want the segment `next`.
    Nothing { next: u64 },
    /// What the reader wants has left the ring.
    Evicted,
}

/// The lines that a reader gets in one piece, and where it is afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) frames: Bytes,
    /// The id of the last line.
    pub(crate) position: EntryId,
    /// The ordinal of the segment that the reader wants next.
    pub(crate) next: u64,
}

/// A chunk that was put together of several segments, and the reader that it is for. Viewers that keep up all want the
/// same one.
#[derive(Debug)]
pub(super) struct CachedChunk {
    /// The segment that the reader wanted.
    pub(super) ordinal: u64,
    /// The reader's position.
    pub(super) after: EntryId,
    pub(super) chunk: Chunk,
}
