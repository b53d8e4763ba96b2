//! The pieces of a ring: encoded lines, and gaps.

use bytes::Bytes;
use log_domain::{EntryId, FoundGap, Line};
use log_wire::sse;

/// Lines are gathered up to this size, so that a burst costs few writes and few segments.
pub(super) const SEGMENT_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) enum Segment {
    Lines(LineSegment),
    Gap(FoundGap),
}

/// Encoded lines.
#[derive(Debug)]
pub(crate) struct LineSegment {
    pub(super) frames: Bytes,
    /// For each line its id, and where its frame ends in `frames`. Ids grow.
    index: Box<[(EntryId, usize)]>,
}

/// Encodes lines, oldest first, to be pushed to a ring. Needs no lock.
pub(crate) fn encode(lines: &[Line]) -> Vec<LineSegment> {
    let mut segments = Vec::new();
    let mut frames = Vec::new();
    let mut index = Vec::new();
    for line in lines {
        sse::write_log(&mut frames, line);
        index.push((line.id, frames.len()));
        if frames.len() >= SEGMENT_BYTES {
            segments.push(LineSegment::new(
                std::mem::take(&mut frames),
                std::mem::take(&mut index),
            ));
        }
    }
    if !index.is_empty() {
        segments.push(LineSegment::new(frames, index));
    }
    segments
}

impl LineSegment {
    /// What the index takes for each line.
    pub(super) const INDEX_BYTES: usize = size_of::<(EntryId, usize)>();

    fn new(mut frames: Vec<u8>, index: Vec<(EntryId, usize)>) -> Self {
        // What is counted must be what is kept.
        frames.shrink_to_fit();
        Self {
            frames: frames.into(),
            index: index.into(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn first_id(&self) -> Option<EntryId> {
        self.index.first().map(|(id, _)| *id)
    }

    pub(super) fn last_id(&self) -> EntryId {
        self.index.last().map_or(EntryId::ZERO, |(id, _)| *id)
    }

    pub(super) fn has_line(&self, id: EntryId) -> bool {
        self.index.binary_search_by_key(&id, |(id, _)| *id).is_ok()
    }

    /// The frames of the lines after a position, without a copy.
    pub(super) fn frames_after(&self, position: EntryId) -> Option<Bytes> {
        let behind = self.index.partition_point(|(id, _)| *id <= position);
        if behind == self.index.len() {
            return None;
        }
        let start = behind.checked_sub(1).map_or(0, |last| self.index[last].1);
        Some(self.frames.slice(start..))
    }
}
