//! Finds out which lines of an append are in the log after its answer was lost.
//!
//! The store chooses the ids of lines. So lines are compared by their content: time, channel, text and phase. An append
//! keeps the order of its lines, and if it fails, it fails from some line on (A1 and A4 of [`log_store::LogAppend`]). So
//! the log holds the first lines of the append, possibly with lines of other producers in between.

use log_domain::{EntryId, Line};
use log_store::NewLine;

/// Finds the first lines of an append in the log after a known position.
#[derive(Debug)]
pub(crate) struct ReadBack<'a> {
    sent: &'a [NewLine],
    /// How many of the lines were found.
    found: usize,
    /// The lines that were seen, by their place among those sent, each with its own id.
    seen: Vec<(usize, EntryId)>,
    /// Whether the log may have lost lines between the known position and the first line that is read.
    trimmed: bool,
}

impl<'a> ReadBack<'a> {
    pub(crate) const fn new(sent: &'a [NewLine]) -> Self {
        Self {
            sent,
            found: 0,
            seen: Vec::new(),
            trimmed: false,
        }
    }

    /// Older lines are gone, so the first line that is found may be a later one of the append.
    pub(crate) const fn log_was_trimmed(&mut self) {
        self.trimmed = true;
    }

    /// Compares the next lines of the log. Returns the id of the last line that belongs to the append.
    pub(crate) fn scan(&mut self, lines: &[Line]) -> Option<EntryId> {
        let mut last = None;
        for line in lines {
            let rest = &self.sent[self.found..];
            // In a trimmed log, all lines before the first one that is found were there too.
            let candidates = if self.trimmed && self.found == 0 {
                rest.len()
            } else {
                rest.len().min(1)
            };
            if let Some(at) = rest[..candidates]
                .iter()
                .position(|sent| is_same(sent, line))
            {
                self.seen.push((self.found + at, line.id));
                self.found += at + 1;
                last = Some(line.id);
            }
        }
        last
    }

    /// The lines that were seen, each with its own id. Those that were trimmed before the first one of these are not.
    pub(crate) fn seen(&self) -> impl Iterator<Item = (EntryId, &'a NewLine)> {
        let sent = self.sent;
        self.seen.iter().map(move |(at, id)| (*id, &sent[*at]))
    }

    /// How many of the lines are in the log, from the first on.
    pub(crate) const fn found(&self) -> usize {
        self.found
    }
}

fn is_same(sent: &NewLine, line: &Line) -> bool {
    sent.ts == line.ts
        && sent.source == line.source
        && sent.text == line.text
        && sent.phase == line.phase
        && sent.open == line.open
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(texts: &[&str]) -> Vec<NewLine> {
        let line = |text: &&str| NewLine {
            text: Some((*text).to_owned()),
            ..NewLine::default()
        };
        texts.iter().map(line).collect()
    }

    fn log(texts: &[&str]) -> Vec<Line> {
        let line = |(n, text): (u64, &&str)| Line {
            id: EntryId::new(n, 0),
            ts: None,
            source: None,
            text: Some((*text).to_owned()),
            phase: None,
            open: false,
        };
        (1..).zip(texts).map(line).collect()
    }

    #[track_caller]
    fn check(sent_texts: &[&str], log_texts: &[&str], found: usize, last: Option<u64>) {
        let sent = sent(sent_texts);
        let mut read_back = ReadBack::new(&sent);
        let id = read_back.scan(&log(log_texts));
        assert_eq!(read_back.found(), found);
        assert_eq!(id.map(EntryId::ms), last);
    }

    #[test]
    fn the_first_lines_are_found() {
        check(&["a", "b", "c"], &[], 0, None);
        check(&["a", "b", "c"], &["a", "b"], 2, Some(2));
        check(&["a", "b", "c"], &["a", "b", "c"], 3, Some(3));
    }

    #[test]
    fn lines_of_other_producers_may_be_in_between() {
        check(&["a", "b"], &["x", "a", "y", "b", "z"], 2, Some(4));
        check(&["a", "b"], &["x", "b"], 0, None);
    }

    #[test]
    fn each_line_that_is_found_has_its_own_id() {
        let sent = sent(&["a", "b", "c", "d"]);
        let mut read_back = ReadBack::new(&sent);
        read_back.scan(&log(&["a", "x", "b"]));
        read_back.scan(&log(&["y", "z", "w", "v", "c"]));
        let seen: Vec<_> = read_back
            .seen()
            .map(|(id, line)| (id.ms(), line.text.clone()))
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(seen, [(1, text("a")), (3, text("b")), (5, text("c"))]);
    }

    #[test]
    fn equal_lines_are_counted() {
        check(&["a", "a", "a"], &["a", "a"], 2, Some(2));
    }

    #[test]
    fn a_line_with_another_time_or_channel_is_another_line() {
        let mut sent = sent(&["a"]);
        sent[0].ts = Some("2026-01-01T00:00:00.000Z".into());
        let mut read_back = ReadBack::new(&sent);
        assert_eq!(read_back.scan(&log(&["a"])), None);
    }

    #[test]
    fn the_first_lines_may_be_gone_from_a_trimmed_log() {
        let sent = sent(&["a", "b", "c", "d"]);
        let mut read_back = ReadBack::new(&sent);
        read_back.log_was_trimmed();
        let last = read_back.scan(&log(&["x", "b", "c"]));
        assert_eq!((read_back.found(), last), (3, Some(EntryId::new(3, 0))));
    }
}
