//! Where a viewer is in its log, and what it was told.

use log_domain::{EntryId, FoundGap, Gap, GapTracker, Line};
use log_store::TailRead;
use log_wire::sse;

/// A viewer's position, as the viewer and as its client know it.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// Where the viewer reads on: everything up to here was handed out, or is known to be gone.
    read_up_to: EntryId,
    /// Where the client is: where it began, or the last line or gap that was handed out.
    position: EntryId,
    /// The gap that was handed out last.
    gaps: GapTracker,
    /// Whether a line or a gap was handed out.
    has_delivered: bool,
}

impl Cursor {
    /// A cursor before all lines.
    pub(crate) fn new() -> Self {
        Self {
            read_up_to: EntryId::ZERO,
            position: EntryId::ZERO,
            gaps: GapTracker::default(),
            has_delivered: false,
        }
    }

    pub(crate) fn read_up_to(&self) -> EntryId {
        self.read_up_to
    }

    pub(crate) fn position(&self) -> EntryId {
        self.position
    }

    pub(crate) fn has_delivered(&self) -> bool {
        self.has_delivered
    }

    /// Moves to a position without handing anything out.
    pub(crate) fn move_to(&mut self, position: EntryId) {
        self.read_up_to = position;
        self.position = position;
    }

    /// Notes that all lines up to a position were handed out.
    pub(crate) fn deliver_up_to(&mut self, position: EntryId) {
        self.move_to(position);
        self.has_delivered = true;
    }

    /// Writes a gap, as one after the client's position, and goes on where reading goes on.
    pub(crate) fn write_gap(&mut self, found: FoundGap, frames: &mut Vec<u8>) {
        self.gaps.mark_reported(found);
        let gap = Gap {
            after_id: self.position,
            ..found.gap
        };
        sse::write_gap(frames, &gap);
        self.deliver_up_to(gap.resume_after);
    }

    /// The gap that a read from here shows, unless the client was told of it.
    pub(crate) fn unreported_gap(&self, read: &TailRead) -> Option<FoundGap> {
        read.unreported_gap(self.read_up_to, &self.gaps)
    }

    /// Writes the lines of a read from here, of a log that may have ended. Says whether these are all lines up to its end.
    pub(crate) fn write_lines(
        &mut self,
        read: &TailRead,
        end: Option<EntryId>,
        frames: &mut Vec<u8>,
    ) -> bool {
        let lines = lines_up_to(&read.lines, end);
        for line in lines {
            sse::write_log(frames, line);
        }
        if let Some(last) = lines.last() {
            self.deliver_up_to(last.id);
        }
        if read.lines.is_empty() {
            // The last lines of the log may be gone, and the client may have been told.
            self.read_up_to = self.read_up_to.max(read.bounds.last_id);
        }
        lines.len() < read.lines.len() || !read.more
    }
}

/// The lines that belong to a log that may have ended.
fn lines_up_to(lines: &[Line], end: Option<EntryId>) -> &[Line] {
    let Some(end) = end else { return lines };
    &lines[..lines.partition_point(|line| line.id <= end)]
}
