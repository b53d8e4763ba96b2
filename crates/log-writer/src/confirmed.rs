//! The lines that the store has confirmed, as long as they may have to be written again.
//!
//! A failover can lose lines whose appends were answered. It loses the last ones: what was replicated is there. So the newest
//! lines are kept with their texts, and of older ones the ids, to say how many were lost.

use std::collections::VecDeque;
use std::ops::Range;

use log_domain::EntryId;
use log_store::NewLine;

/// How much of the texts is kept. A replica is mostly less than a second behind.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// How many ids of older lines are kept.
const KEPT_IDS: usize = 50_000;

/// The last lines that were confirmed, in their order.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Lines whose texts are not kept any more. They are older than the others.
    older: VecDeque<EntryId>,
    lines: VecDeque<(EntryId, NewLine)>,
    /// The bytes of `lines`.
    bytes: usize,
    /// How many lines, from the oldest on, are known to be on the server that there was last.
    verified: usize,
}

/// Lines that the store has lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// How many lines are lost whose texts were not kept.
    pub(crate) without_text: usize,
    pub(crate) lines: Vec<NewLine>,
}

impl Confirmed {
    /// Adds a line that is now in the log.
    pub(crate) fn push(&mut self, id: EntryId, line: &NewLine) {
        self.bytes += line.bytes();
        self.lines.push_back((id, line.clone()));
        while self.bytes > KEPT_BYTES
            && let Some((id, line)) = self.lines.pop_front()
        {
            self.bytes -= line.bytes();
            self.older.push_back(id);
        }
        while self.older.len() > KEPT_IDS {
            self.older.pop_front();
            self.verified = self.verified.saturating_sub(1);
        }
    }

    /// How many lines, from the oldest on, are known to be on the server that there was last. The others may be on the next.
    pub(crate) const fn verified(&self) -> usize {
        self.verified
    }

    /// All lines are on the server that there is now.
    pub(crate) fn verify(&mut self) {
        self.verified = self.len();
    }

    /// How many lines are known.
    pub(crate) fn len(&self) -> usize {
        self.older.len() + self.lines.len()
    }

    /// The id of a line, counted from the oldest one.
    pub(crate) fn id(&self, at: usize) -> Option<EntryId> {
        match at.checked_sub(self.older.len()) {
            None => self.older.get(at).copied(),
            Some(at) => self.lines.get(at).map(|(id, _)| *id),
        }
    }

    /// A line, counted from the oldest one, if its text is still kept.
    pub(crate) fn line(&self, at: usize) -> Option<&NewLine> {
        let at = at.checked_sub(self.older.len())?;
        self.lines.get(at).map(|(_, line)| line)
    }

    /// Takes the lines of a range: the store has lost them.
    pub(crate) fn take(&mut self, range: Range<usize>) -> Lost {
        let older = self.older.len();
        let in_lines = range.start.saturating_sub(older)..range.end.saturating_sub(older);
        let in_older = range.start.min(older)..range.end.min(older);
        let without_text = self.older.drain(in_older).count();
        let lines: Vec<_> = self.lines.drain(in_lines).map(|(_, line)| line).collect();
        self.bytes -= lines.iter().map(NewLine::bytes).sum::<usize>();
        Lost {
            without_text,
            lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: String) -> NewLine {
        NewLine {
            text: Some(text),
            ..NewLine::default()
        }
    }

    #[test]
    fn the_last_lines_are_taken_back_in_their_order() {
        let mut confirmed = Confirmed::default();
        for n in 0..5_u64 {
            confirmed.push(EntryId::new(n, 0), &line(n.to_string()));
        }
        let lost = confirmed.take(3..5);
        assert_eq!(lost.without_text, 0);
        assert_eq!(lost.lines, [line("3".into()), line("4".into())]);
        assert_eq!((confirmed.len(), confirmed.bytes), (3, 3));
        assert_eq!(confirmed.id(2), Some(EntryId::new(2, 0)));
        assert_eq!(confirmed.id(3), None);
    }

    #[test]
    fn of_older_lines_the_number_is_known() {
        let mut confirmed = Confirmed::default();
        let size = KEPT_BYTES / 4;
        for n in 0..10_u64 {
            confirmed.push(EntryId::new(n, 0), &line("x".repeat(size)));
        }
        assert_eq!((confirmed.older.len(), confirmed.lines.len()), (6, 4));
        assert_eq!(confirmed.id(5), Some(EntryId::new(5, 0)));
        let lost = confirmed.take(5..10);
        assert_eq!((lost.without_text, lost.lines.len()), (1, 4));
        assert_eq!((confirmed.len(), confirmed.bytes), (5, 0));
    }
}
