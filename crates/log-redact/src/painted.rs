//! A line with colours: rules see its bare text, and the colours come back afterwards.

use std::borrow::Cow;
use std::ops::Range;

/// A line, and where its colours are.
#[derive(Debug)]
pub(crate) struct Painted<'a> {
    /// The text without colours.
    pub(crate) bare: Cow<'a, str>,
    /// Each colour sequence, and its place in the bare text.
    colours: Vec<(usize, &'a str)>,
}

impl<'a> Painted<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        if !line.contains('\u{1b}') {
            return Self {
                bare: Cow::Borrowed(line),
                colours: Vec::new(),
            };
        }
        let mut bare = String::with_capacity(line.len());
        let mut colours = Vec::new();
        let mut rest = line;
        while let Some(at) = rest.find('\u{1b}') {
            let (text, sequence) = rest.split_at(at);
            bare.push_str(text);
            let len = sequence_len(sequence);
            let (sequence, after) = sequence.split_at(len);
            colours.push((bare.len(), sequence));
            rest = after;
        }
        bare.push_str(rest);
        Self {
            bare: Cow::Owned(bare),
            colours,
        }
    }

    /// The line with a marker in the place of each hidden part. Colours inside of a hidden part come behind its marker.
    pub(crate) fn with_hidden(&self, hidden: &[Range<usize>], marker: &str) -> String {
        let mut out = String::with_capacity(self.bare.len() + marker.len() * hidden.len());
        let mut colours = self.colours.iter().peekable();
        let mut at = 0;
        for range in hidden {
            self.show(at..range.start, &mut colours, &mut out);
            while let Some((_, sequence)) = colours.next_if(|(place, _)| *place <= range.start) {
                out.push_str(sequence);
            }
            out.push_str(marker);
            at = range.end;
            while let Some((_, sequence)) = colours.next_if(|(place, _)| *place < range.end) {
                out.push_str(sequence);
            }
        }
        self.show(at..self.bare.len(), &mut colours, &mut out);
        for (_, sequence) in colours {
            out.push_str(sequence);
        }
        out
    }

    fn show<'b>(
        &self,
        part: Range<usize>,
        colours: &mut std::iter::Peekable<impl Iterator<Item = &'b (usize, &'a str)>>,
        out: &mut String,
    ) where
        'a: 'b,
    {
        let mut at = part.start;
        while let Some((place, sequence)) = colours.next_if(|(place, _)| *place < part.end) {
            out.push_str(&self.bare[at..(*place).max(at)]);
            out.push_str(sequence);
            at = (*place).max(at);
        }
        out.push_str(&self.bare[at..part.end]);
    }
}

/// The length of the colours at the beginning of a text: `ESC [`, parameters, and `m`. Of anything else it is the `ESC` alone:
/// what follows is shown, and may be a secret.
fn sequence_len(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 1;
    };
    let end = parameters.bytes().position(|b| !(0x20..0x40).contains(&b));
    match end {
        Some(end) if parameters.as_bytes()[end] == b'm' => 2 + end + 1,
        Some(_) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, hidden: Range<usize>, expected: &str) {
        let painted = Painted::new(line);
        assert_eq!(painted.with_hidden(&[hidden], "#"), expected);
        assert_eq!(painted.with_hidden(&[], "#"), line);
    }

    #[test]
    fn colours_stay_around_and_behind_a_hidden_part() {
        check("ab\x1b[31mcd\x1b[0mef", 2..4, "ab\x1b[31m#\x1b[0mef");
        check("abc\x1b[31md\x1b[0mef", 2..5, "ab#\x1b[31m\x1b[0mf");
        check("\x1b[1mabc\x1b[m", 0..3, "\x1b[1m#\x1b[m");
        check("abc", 1..2, "a#c");
        check("abc\x1b[", 0..1, "#bc\x1b[");
        check("a\x1bb", 1..2, "a\x1b#");
    }

    #[test]
    fn what_is_no_colour_is_text() {
        assert_eq!(Painted::new("a\x1b[tb\x1b[1;2mc\x1b[12").bare, "a[tbc[12");
    }
}
