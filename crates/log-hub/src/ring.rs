//! The newest frames of one job, encoded once, bounded in bytes.
//!
//! Frames stand in **segments** of shared bytes. A reader names the segment it wants next by an ordinal that only
//! grows, and its position in the log: ids alone would not do, because a log that was lost and made anew counts
//! from below again.
//!
//! ```text
//!   ordinal     7         8         9        10
//!            ┌───────┬─────────┬────────┬─────────┐
//!            │ lines │  lines  │  gap   │  lines  │   next = 11
//!            └───────┴─────────┴────────┴─────────┘
//!   stretch: the lines since the last gap; a reader between `floor` and `tip` may join it
//! ```

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use log_domain::{EntryId, FoundGap, Line};
use log_wire::sse;

/// Frames are gathered up to this size, so that a burst costs few writes and few ring slots.
const SEGMENT_BYTES: usize = 16 * 1024;

/// Up to this size, what several segments hold is handed out as one piece: a viewer that was busy gets all that came
/// meanwhile by one write, however small the pieces in which it came.
const PIECE_BYTES: usize = 16 * 1024;

/// What a gap counts against the ring's capacity, so that gaps alone cannot grow it for ever.
const GAP_BYTES: usize = 64;

#[derive(Debug)]
pub(crate) struct Ring {
    segments: VecDeque<Segment>,
    /// The ordinal of the segment to be pushed next.
    next: u64,
    bytes: usize,
    capacity: usize,
    /// The ordinal of the first segment of the stretch.
    stretch: u64,
    /// A reader before this position misses something by joining the stretch.
    floor: EntryId,
    /// The first line of the stretch, which may have left the ring.
    first_line: Option<EntryId>,
    /// Lines up to here were deleted one by one before the feed could read them.
    deleted_up_to: EntryId,
    /// The feed's own position: everything up to here has been read.
    tip: EntryId,
    /// A viewer knows that the log which the stretch shows is gone; the feed has yet to see it.
    lost: bool,
    /// The piece that was put together last: viewers that keep up all want the same.
    piece: Option<Piece>,
}

/// The frames of several segments in one piece.
#[derive(Debug)]
struct Piece {
    /// The reader that it is for: the segment that it wants, and its position.
    ordinal: u64,
    after: EntryId,
    frames: Bytes,
    /// The reader's position after it, and the segment that it wants next.
    position: EntryId,
    next: u64,
}

/// What a ring shows at a moment. A read of the store that begins afterwards can be compared with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Horizon {
    pub(crate) stretch: u64,
    tip: EntryId,
}

#[derive(Debug)]
enum Segment {
    Lines(Lines),
    Gap(FoundGap),
}

#[derive(Debug)]
struct Lines {
    frames: Bytes,
    /// For each frame its id and where it ends in `frames`; ids grow.
    index: Box<[(EntryId, usize)]>,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Frames, the reader's position after them, and the ordinal it wants next.
    Frames {
        frames: Bytes,
        position: EntryId,
        next: u64,
    },
    /// Lines may be missing here.
    Gap { missing: FoundGap, next: u64 },
    /// The reader has everything.
    Nothing { next: u64 },
    /// What the reader wants has left the ring.
    Evicted,
}

impl Ring {
    /// An empty ring of a feed that begins at `position`.
    pub(crate) fn new(position: EntryId, capacity: usize) -> Self {
        Self {
            segments: VecDeque::new(),
            next: 0,
            bytes: 0,
            capacity,
            stretch: 0,
            floor: position,
            first_line: None,
            deleted_up_to: EntryId::ZERO,
            tip: position,
            lost: false,
            piece: None,
        }
    }

    pub(crate) fn tip(&self) -> EntryId {
        self.tip
    }

    /// Names the stretch that readers join now.
    pub(crate) fn stretch(&self) -> u64 {
        self.stretch
    }

    pub(crate) fn horizon(&self) -> Horizon {
        Horizon {
            stretch: self.stretch,
            tip: self.tip,
        }
    }

    /// Takes note of a read that began at `horizon` and found that the log ends at `last_id`; says whether that tells
    /// that the log is lost. It does where the log ends below what was read of it before: by the feed, or by a reader
    /// that has `known` a position of this stretch. From then on nobody joins the stretch, lest they are shown lines
    /// that were gone when they came, or again what they have seen.
    pub(crate) fn note_end(
        &mut self,
        horizon: Horizon,
        known: Option<EntryId>,
        last_id: EntryId,
    ) -> bool {
        let seen = known.map_or(horizon.tip, |known| known.max(horizon.tip));
        let is_news = !self.lost && horizon.stretch == self.stretch && last_id < seen;
        self.lost |= is_news;
        is_news
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// The feed has read the log after it was known to be lost: what it pushes is of the log as it is now.
    pub(crate) fn found(&mut self) {
        self.lost = false;
    }

    /// Encodes and appends lines, the next after `tip`.
    pub(crate) fn push_lines(&mut self, lines: &[Line]) {
        let mut frames = Vec::new();
        let mut index = Vec::new();
        for line in lines {
            sse::write_log(&mut frames, line);
            index.push((line.id, frames.len()));
            if frames.len() >= SEGMENT_BYTES {
                self.push_segment(std::mem::take(&mut frames), std::mem::take(&mut index));
            }
        }
        if !index.is_empty() {
            self.push_segment(frames, index);
        }
    }

    /// Moves the tip to the end of a log that has no line after it, because the last ones are gone.
    pub(crate) fn skip_to(&mut self, last_id: EntryId) {
        self.tip = self.tip.max(last_id);
    }

    /// Tells readers that lines may be missing here, and moves the feed to where reading goes on.
    pub(crate) fn push_gap(&mut self, missing: FoundGap) {
        let gap = missing.gap;
        self.segments.push_back(Segment::Gap(missing));
        self.next += 1;
        self.bytes += GAP_BYTES;
        self.stretch = self.next;
        self.first_line = None;
        self.deleted_up_to = missing.deleted_up_to;
        self.tip = gap.resume_after;
        // Whoever stands before the first line after the gap must be told of it, not join behind it.
        self.floor = gap.first_id.unwrap_or(gap.resume_after);
        self.evict();
    }

    /// The ordinal at which a reader that is at `position` joins, if it misses nothing by it.
    ///
    /// A position `confirmed` in an earlier stretch has a gap to be told of. One that is ahead of the feed, as that of a
    /// reader that has just read the store can be, joins when the feed is there: should the log be lost in between,
    /// the feed may never know of the lines that the two are apart.
    pub(crate) fn join(&self, position: EntryId, confirmed: Option<u64>) -> Option<u64> {
        let is_earlier = confirmed.is_some_and(|stretch| stretch != self.stretch);
        if self.lost || is_earlier || !self.knows(position) {
            return None;
        }
        let first = self.first();
        let begin = self.stretch.max(first);
        let stretch = usize::try_from(begin - first).unwrap_or(usize::MAX);
        let behind = self.behind(stretch, position);
        Some(begin + behind as u64)
    }

    /// Whether a position is one that the log certainly had, with all after it in the ring. The beginning of the
    /// stretch is, and what lies from its first line to the tip; between the two may be a position of a log before.
    fn knows(&self, position: EntryId) -> bool {
        let is_inside = self.first_line.is_some_and(|first| position >= first);
        let is_known = is_inside || position == self.floor;
        is_known && position >= self.floor.max(self.deleted_up_to) && position <= self.tip
    }

    /// How many segments from the index `begin` on, which are all of lines, a reader at `position` has.
    fn behind(&self, begin: usize, position: EntryId) -> usize {
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

    /// What a reader gets that wants the segment `ordinal` and is at `position`: of lines all there are, up to the size
    /// of a piece.
    pub(crate) fn take(&mut self, ordinal: u64, position: EntryId) -> Taken {
        let (first, next) = match self.take_one(ordinal, position) {
            Taken::Frames { frames, next, .. }
                if frames.len() < PIECE_BYTES && self.has_lines_at(next) =>
            {
                (frames, next)
            }
            taken => return taken,
        };
        let is_it = |piece: &&Piece| piece.ordinal == ordinal && piece.after == position;
        if let Some(piece) = self.piece.as_ref().filter(is_it)
            && (piece.frames.len() >= PIECE_BYTES || !self.has_lines_at(piece.next))
        {
            return piece.taken();
        }
        let mut piece = Piece {
            ordinal,
            after: position,
            frames: Bytes::new(),
            position,
            next,
        };
        let mut joined = BytesMut::with_capacity(2 * PIECE_BYTES);
        joined.extend_from_slice(&first);
        while joined.len() < PIECE_BYTES
            && let Some(Segment::Lines(lines)) = self.segment(piece.next)
        {
            joined.extend_from_slice(&lines.frames);
            piece.position = lines.last_id();
            piece.next += 1;
        }
        piece.frames = Bytes::copy_from_slice(&joined);
        self.piece.insert(piece).taken()
    }

    /// What a reader gets of one segment: the first that has something for it.
    fn take_one(&self, mut ordinal: u64, position: EntryId) -> Taken {
        if ordinal < self.first() {
            return Taken::Evicted;
        }
        while let Some(segment) = self.segment(ordinal) {
            ordinal += 1;
            match segment {
                Segment::Gap(missing) => {
                    return Taken::Gap {
                        missing: *missing,
                        next: ordinal,
                    };
                }
                Segment::Lines(lines) => {
                    if let Some(frames) = lines.after(position) {
                        let position = lines.last_id();
                        return Taken::Frames {
                            frames,
                            position,
                            next: ordinal,
                        };
                    }
                }
            }
        }
        Taken::Nothing { next: ordinal }
    }

    fn segment(&self, ordinal: u64) -> Option<&Segment> {
        let index = ordinal.checked_sub(self.first())?;
        self.segments.get(usize::try_from(index).ok()?)
    }

    fn has_lines_at(&self, ordinal: u64) -> bool {
        matches!(self.segment(ordinal), Some(Segment::Lines(_)))
    }

    fn first(&self) -> u64 {
        self.next - self.segments.len() as u64
    }

    fn push_segment(&mut self, mut frames: Vec<u8>, index: Vec<(EntryId, usize)>) {
        // What is counted is what is kept.
        frames.shrink_to_fit();
        let lines = Lines {
            frames: frames.into(),
            index: index.into(),
        };
        self.bytes += lines.frames.len();
        self.first_line = self.first_line.or_else(|| lines.first_id());
        self.tip = lines.last_id();
        self.segments.push_back(Segment::Lines(lines));
        self.next += 1;
        self.evict();
    }

    /// Lets the oldest segments go, but never the newest: a reader that keeps up must find it.
    fn evict(&mut self) {
        while self.bytes > self.capacity && self.segments.len() > 1 {
            let ordinal = self.first();
            match self.segments.pop_front() {
                Some(Segment::Lines(lines)) => {
                    self.bytes -= lines.frames.len();
                    if ordinal >= self.stretch {
                        self.floor = lines.last_id();
                    }
                }
                Some(Segment::Gap(_)) => self.bytes -= GAP_BYTES,
                None => {}
            }
        }
    }
}

impl Piece {
    fn taken(&self) -> Taken {
        Taken::Frames {
            frames: self.frames.clone(),
            position: self.position,
            next: self.next,
        }
    }
}

impl Lines {
    fn last_id(&self) -> EntryId {
        self.index.last().map_or(EntryId::ZERO, |(id, _)| *id)
    }

    fn first_id(&self) -> Option<EntryId> {
        self.index.first().map(|(id, _)| *id)
    }

    /// The frames after `position`, without a copy.
    fn after(&self, position: EntryId) -> Option<Bytes> {
        let behind = self.index.partition_point(|(id, _)| *id <= position);
        if behind == self.index.len() {
            return None;
        }
        let start = behind.checked_sub(1).map_or(0, |last| self.index[last].1);
        Some(self.frames.slice(start..))
    }
}

#[cfg(test)]
mod tests;
