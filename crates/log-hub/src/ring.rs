//! The newest frames of one job, encoded once, bounded in bytes.
//!
//! Frames stand in **segments** of shared bytes. A reader names the segment that it wants next by an ordinal that only
//! grows, and its position in the log. Ids alone would not do: a log that was lost and made anew counts from below again.
//!
//! ```text
//!   ordinal     7         8         9        10
//!            ┌───────┬─────────┬────────┬─────────┐
//!            │ lines │  lines  │  gap   │  lines  │   next = 11
//!            └───────┴─────────┴────────┴─────────┘
//!   generation: the lines since the last gap; a reader between `floor` and `tip` may join it
//! ```

mod chunk;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use log_domain::{EntryId, FoundGap};

use self::chunk::CachedChunk;
pub(crate) use self::chunk::{Chunk, RingRead};
use self::segment::Segment;
pub(crate) use self::segment::{LineSegment, encode};

/// Up to this size, several segments are handed out in one chunk: a viewer that was busy gets all that came meanwhile by
/// one write, however small the segments are.
const CHUNK_BYTES: usize = 16 * 1024;

/// What a gap counts against the ring's capacity, so that gaps alone cannot grow it for ever.
const GAP_BYTES: usize = 64;

#[derive(Debug)]
pub(crate) struct Ring {
    segments: VecDeque<Segment>,
    /// The ordinal of the segment to be pushed next.
    next: u64,
    /// The bytes of all frames.
    bytes: usize,
    max_bytes: usize,
    /// How many lines the segments have.
    lines: usize,
    /// The ordinal of the first segment of the generation. It names the generation.
    generation: u64,
    /// A reader before this position misses something by joining the generation.
    floor: EntryId,
    /// The first line of the generation. It may have left the ring.
    first_line: Option<EntryId>,
    /// Lines up to here were deleted one by one before the feed could read them.
    deleted_up_to: EntryId,
    /// The feed's own position: everything up to here has been read.
    tip: EntryId,
    /// A viewer knows that the log of this generation is gone; the feed has not seen it yet.
    lost: bool,
    /// The chunk that was put together last.
    cached: Option<CachedChunk>,
}

/// What a ring looked like at a moment. A read of the store that begins afterwards can be compared with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RingSnapshot {
    pub(crate) generation: u64,
    tip: EntryId,
}

impl Ring {
    /// An empty ring of a feed that begins at a position.
    pub(crate) fn new(position: EntryId, max_bytes: usize) -> Self {
        Self {
            segments: VecDeque::new(),
            next: 0,
            bytes: 0,
            max_bytes,
            lines: 0,
            generation: 0,
            floor: position,
            first_line: None,
            deleted_up_to: EntryId::ZERO,
            tip: position,
            lost: false,
            cached: None,
        }
    }

    /// Names the generation that readers join now.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn snapshot(&self) -> RingSnapshot {
        RingSnapshot {
            generation: self.generation,
            tip: self.tip,
        }
    }

    /// Notes that a read of the store has found the log to end at `last_id`, and says whether that shows that the log is
    /// lost. `before` is what the ring looked like before the read; `confirmed` is a position of the same generation that
    /// the reader knows to have been in the log.
    ///
    /// The log is lost where it ends below what was read of it before. From then on nobody joins this generation: they
    /// would be shown lines that were gone when they came, or lines that they have seen.
    pub(crate) fn note_last_id(
        &mut self,
        before: RingSnapshot,
        confirmed: Option<EntryId>,
        last_id: EntryId,
    ) -> bool {
        let seen = confirmed.map_or(before.tip, |position| position.max(before.tip));
        let is_news = !self.lost && before.generation == self.generation && last_id < seen;
        self.lost |= is_news;
        is_news
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The feed has read the log after it was known to be lost: what it pushes from now on is of the log as it is now.
    pub(crate) fn mark_found(&mut self) {
        self.lost = false;
    }

    /// Appends encoded lines, the next after `tip`.
    pub(crate) fn push_lines(&mut self, segments: Vec<LineSegment>) {
        for lines in segments {
            self.bytes += lines.frames.len();
            self.lines += lines.len();
            self.first_line = self.first_line.or_else(|| lines.first_id());
            self.tip = lines.last_id();
            self.segments.push_back(Segment::Lines(lines));
            self.next += 1;
        }
        self.evict();
    }

    /// Moves the tip to the end of a log that has no line after it, because the last ones are gone.
    pub(crate) fn skip_to(&mut self, last_id: EntryId) {
        self.tip = self.tip.max(last_id);
    }

    /// Tells readers that lines may be missing here, and begins a new generation where reading goes on.
    pub(crate) fn push_gap(&mut self, found: FoundGap) {
        let gap = found.gap;
        self.segments.push_back(Segment::Gap(found));
        self.next += 1;
        self.bytes += GAP_BYTES;
        self.generation = self.next;
        self.first_line = None;
        self.deleted_up_to = found.deleted_up_to;
        self.tip = gap.resume_after;
        // A reader before the first line after the gap must be told of the gap, and not join behind it.
        self.floor = gap.first_id.unwrap_or(gap.resume_after);
        self.evict();
    }

    /// The ordinal at which a reader that is at `position` joins, if it misses nothing by it.
    ///
    /// - A position that was `confirmed` in an earlier generation must be told of the gap in between.
    /// - A position ahead of the feed, as that of a reader that has just read the store, joins when the feed is there: if
    ///   the log is lost in between, the feed may never know of the lines that the two are apart.
    pub(crate) fn join(&self, position: EntryId, confirmed: Option<u64>) -> Option<u64> {
        let is_earlier = confirmed.is_some_and(|generation| generation != self.generation);
        if self.lost || is_earlier || !self.contains(position) {
            return None;
        }
        // A position inside that is no line of the log was lost. The store knows, and says so.
        let places = [self.floor, self.tip, self.deleted_up_to];
        let is_known = confirmed.is_some() || places.contains(&position);
        if !is_known && !self.has_line(position) {
            return None;
        }
        let first = self.first_ordinal();
        let begin = self.generation.max(first);
        let index = usize::try_from(begin - first).unwrap_or(usize::MAX);
        let behind = self.count_behind(index, position);
        Some(begin + behind as u64)
    }

    /// Whether a position is one that the log certainly had, with everything after it in the ring. The beginning of the
    /// generation is one, and so is every position from its first line to the tip. A position between the two may be of
    /// an earlier log.
    fn contains(&self, position: EntryId) -> bool {
        let is_inside = self.first_line.is_some_and(|first| position >= first);
        let is_known = is_inside || position == self.floor;
        is_known && position >= self.floor.max(self.deleted_up_to) && position <= self.tip
    }

    /// Whether the ring has the line of this id.
    fn has_line(&self, id: EntryId) -> bool {
        let at = self.count_behind_id(id);
        let has = |segment: &Segment| match segment {
            Segment::Lines(lines) => lines.has_line(id),
            Segment::Gap(_) => false,
        };
        self.segments.get(at).is_some_and(has)
    }

    /// The first segment of the generation that ends at this id or later.
    fn count_behind_id(&self, id: EntryId) -> usize {
        let first = self.first_ordinal();
        let begin = usize::try_from(self.generation.max(first) - first).unwrap_or(usize::MAX);
        let before = id.previous().unwrap_or(EntryId::ZERO);
        begin.saturating_add(self.count_behind(begin, before))
    }

    /// How many segments from the index `begin` on, which are all of lines, a reader at `position` has.
    fn count_behind(&self, begin: usize, position: EntryId) -> usize {
        let (mut low, mut high) = (begin.min(self.segments.len()), self.segments.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match &self.segments[middle] {
                Segment::Lines(lines) if lines.last_id() <= position => low = middle + 1,
                _ => high = middle,
            }
        }
        low.saturating_sub(begin)
    }

    /// What a reader gets that wants the segment `ordinal` and is at `position`: all lines there are, up to the size of a
    /// chunk.
    pub(crate) fn read(&mut self, ordinal: u64, position: EntryId) -> RingRead {
        let first = match self.read_one(ordinal, position) {
            RingRead::Frames(first)
                if first.frames.len() < CHUNK_BYTES && self.has_lines_at(first.next) =>
            {
                first
            }
            read => return read,
        };
        let fits = |cached: &&CachedChunk| cached.ordinal == ordinal && cached.after == position;
        if let Some(CachedChunk { chunk, .. }) = self.cached.as_ref().filter(fits)
            && (chunk.frames.len() >= CHUNK_BYTES || !self.has_lines_at(chunk.next))
        {
            return RingRead::Frames(chunk.clone());
        }
        let chunk = self.put_together(first);
        self.cached = Some(CachedChunk {
            ordinal,
            after: position,
            chunk: chunk.clone(),
        });
        RingRead::Frames(chunk)
    }

    /// Adds the lines of the next segments to a chunk, up to its size.
    fn put_together(&self, first: Chunk) -> Chunk {
        let mut joined = BytesMut::with_capacity(2 * CHUNK_BYTES);
        joined.extend_from_slice(&first.frames);
        let (mut position, mut next) = (first.position, first.next);
        while joined.len() < CHUNK_BYTES
            && let Some(Segment::Lines(lines)) = self.segment(next)
        {
            joined.extend_from_slice(&lines.frames);
            position = lines.last_id();
            next += 1;
        }
        Chunk {
            frames: Bytes::copy_from_slice(&joined),
            position,
            next,
        }
    }

    /// What a reader gets of one segment: the first that has something for it.
    fn read_one(&self, mut ordinal: u64, position: EntryId) -> RingRead {
        if ordinal < self.first_ordinal() {
            return RingRead::Evicted;
        }
        while let Some(segment) = self.segment(ordinal) {
            ordinal += 1;
            match segment {
                Segment::Gap(found) => {
                    return RingRead::Gap {
                        found: *found,
                        next: ordinal,
                    };
                }
                Segment::Lines(lines) => {
                    if let Some(frames) = lines.frames_after(position) {
                        return RingRead::Frames(Chunk {
                            frames,
                            position: lines.last_id(),
                            next: ordinal,
                        });
                    }
                }
            }
        }
        RingRead::Nothing { next: ordinal }
    }

    fn segment(&self, ordinal: u64) -> Option<&Segment> {
        let index = ordinal.checked_sub(self.first_ordinal())?;
        self.segments.get(usize::try_from(index).ok()?)
    }

    fn has_lines_at(&self, ordinal: u64) -> bool {
        matches!(self.segment(ordinal), Some(Segment::Lines(_)))
    }

    fn first_ordinal(&self) -> u64 {
        self.next - self.segments.len() as u64
    }

    /// What the ring takes: its frames, where each line ends in them, and the chunk that was put together.
    pub(crate) fn memory(&self) -> usize {
        let cached = self
            .cached
            .as_ref()
            .map_or(0, |cached| cached.chunk.frames.len());
        self.bytes + self.lines * LineSegment::INDEX_BYTES + cached
    }

    /// Forgets the oldest segments before an ordinal (`None`: all), until not more than a number of bytes is left.
    pub(crate) fn forget_before(&mut self, ordinal: Option<u64>, keep: usize) {
        let ordinal = ordinal.unwrap_or(self.next);
        while self.bytes > keep && self.first_ordinal() < ordinal {
            self.pop_oldest();
        }
        self.cached.take_if(|cached| cached.chunk.next <= ordinal);
        self.shrink();
    }

    /// Forgets the oldest segments, whoever wants them, until not more than a number of bytes is left. The newest one
    /// stays.
    pub(crate) fn keep_newest(&mut self, keep: usize) {
        while self.bytes > keep && self.segments.len() > 1 {
            self.pop_oldest();
        }
        self.cached = None;
        self.shrink();
    }

    /// Removes the oldest segments, but never the newest: a reader that keeps up must find it.
    fn evict(&mut self) {
        while self.bytes > self.max_bytes && self.segments.len() > 1 {
            self.pop_oldest();
        }
    }

    fn pop_oldest(&mut self) {
        let ordinal = self.first_ordinal();
        match self.segments.pop_front() {
            Some(Segment::Lines(lines)) => {
                self.bytes -= lines.frames.len();
                self.lines -= lines.len();
                if ordinal >= self.generation {
                    self.floor = lines.last_id();
                }
            }
            Some(Segment::Gap(_)) => self.bytes -= GAP_BYTES,
            None => {}
        }
    }

    /// Gives back room for segments that are gone.
    fn shrink(&mut self) {
        if self.segments.capacity() > 16 && self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(2 * self.segments.len());
        }
    }
}
