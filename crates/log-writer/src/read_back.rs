//! Which lines of an append stand in the log, when its answer was lost.
//!
//! The store gives lines their ids, so a line is known by what it says: time, channel, text and phase. An append
//! keeps its order and fails from some line on (A1 and A4 of [`log_store::LogAppend`]), so what is there is a
//! beginning of what was sent, with lines of other producers in between.

use log_domain::{EntryId, Line};
use log_store::NewLine;

/// Finds the beginning of an append in what the log holds after the last line known to be there.
#[derive(Debug)]
pub(crate) struct ReadBack<'a> {
    sent: &'a [NewLine],
    /// How many of them were found.
    found: usize,
    /// Whether the log may have lost lines between the last known one and the first that is read.
    trimmed: bool,
}

impl<'a> ReadBack<'a> {
    pub(crate) const fn new(sent: &'a [NewLine]) -> Self {
        Self {
            sent,
            found: 0,
            trimmed: false,
        }
    }

    /// Says that older lines are gone: the first line that is found need not be the first that was sent.
    pub(crate) const fn trimmed(&mut self) {
        self.trimmed = true;
    }

    /// Looks at the next lines of the log, and returns the id of the last that is one of those sent.
    pub(crate) fn look_at(&mut self, lines: &[Line]) -> Option<EntryId> {
        let mut last = None;
        for line in lines {
            let rest = &self.sent[self.found..];
            // In a trimmed log everything before the first line that is found has been there, too.
            let reach = if self.trimmed && self.found == 0 {
                rest.len()
            } else {
                rest.len().min(1)
            };
            if let Some(at) = rest[..reach].iter().position(|sent| is_same(sent, line)) {
                self.found += at + 1;
                last = Some(line.id);
            }
        }
        last
    }

    /// How many of the lines stand in the log, from the first on.
    pub(crate) const fn found(&self) -> usize {
        self.found
    }
}

fn is_same(sent: &NewLine, line: &Line) -> bool {
    sent.ts == line.ts
        && sent.source == line.source
        && sent.text == line.text
        && sent.phase == line.phase
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
        };
        (1..).zip(texts).map(line).collect()
    }

    #[track_caller]
    fn check(sent_texts: &[&str], log_texts: &[&str], found: usize, last: Option<u64>) {
        let sent = sent(sent_texts);
        let mut read_back = ReadBack::new(&sent);
        let id = read_back.look_at(&log(log_texts));
        assert_eq!(read_back.found(), found);
        assert_eq!(id.map(EntryId::ms), last);
    }

    #[test]
    fn the_beginning_that_stands_in_the_log_is_found() {
        check(&["a", "b", "c"], &[], 0, None);
        check(&["a", "b", "c"], &["a", "b"], 2, Some(2));
        check(&["a", "b", "c"], &["a", "b", "c"], 3, Some(3));
    }

    #[test]
    fn lines_of_other_producers_may_stand_between() {
        check(&["a", "b"], &["x", "a", "y", "b", "z"], 2, Some(4));
        check(&["a", "b"], &["x", "b"], 0, None);
    }

    #[test]
    fn equal_lines_are_counted() {
        check(&["a", "a", "a"], &["a", "a"], 2, Some(2));
    }

    #[test]
    fn a_line_of_another_time_or_channel_is_another_line() {
        let mut sent = sent(&["a"]);
        sent[0].ts = Some("2026-01-01T00:00:00.000Z".to_owned());
        let mut read_back = ReadBack::new(&sent);
        assert_eq!(read_back.look_at(&log(&["a"])), None);
    }

    #[test]
    fn in_a_trimmed_log_the_first_lines_may_be_gone() {
        let sent = sent(&["a", "b", "c", "d"]);
        let mut read_back = ReadBack::new(&sent);
        read_back.trimmed();
        let last = read_back.look_at(&log(&["x", "b", "c"]));
        assert_eq!((read_back.found(), last), (3, Some(EntryId::new(3, 0))));
    }
}
