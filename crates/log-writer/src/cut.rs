//! Lines that are too long: where they are cut, and what says so.

/// How long a line may be. What is beyond is cut off, and the line ends with a [`CutMarker`] in addition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineLimit {
    /// So many bytes of UTF-8; the cut falls on a character boundary at or below.
    Bytes(usize),
    /// So many characters (Unicode code points).
    Characters(usize),
}

impl LineLimit {
    /// 16 KiB: a line that a person may still read, and that never fills a page alone.
    pub const DEFAULT: Self = Self::Bytes(16 * 1024);

    /// The most bytes that a line within the limit can have.
    pub(crate) const fn max_bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            // A character has at most four bytes.
            Self::Characters(characters) => characters.saturating_mul(4),
        }
    }

    /// Where a text is to be cut, or `None` where it is within the limit.
    fn place(self, text: &str) -> Option<usize> {
        match self {
            Self::Bytes(bytes) => (text.len() > bytes).then(|| boundary_below(text, bytes)),
            Self::Characters(characters) => {
                // A text has at least a quarter as many characters as bytes, and at most as many.
                if text.len() <= characters {
                    return None;
                }
                text.char_indices().nth(characters).map(|(at, _)| at)
            }
        }
    }
}

impl Default for LineLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What stands at the end of a line that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutMarker {
    /// `… [12345 bytes cut]`.
    #[default]
    Counted,
    /// A text of its own, which says nothing about how much is gone.
    Text(&'static str),
}

/// How much of a line was never kept, because it was far beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Beyond {
    /// In bytes.
    pub(crate) bytes: u64,
}

/// Cuts a line to its limit. `beyond` is what is missing from the text already.
pub(crate) fn cut(text: &mut String, beyond: Beyond, limit: LineLimit, marker: CutMarker) {
    let place = limit.place(text);
    if place.is_none() && beyond.bytes == 0 {
        return;
    }
    let place = outside_a_colour(text, place.unwrap_or(text.len()));
    let gone = (text.len() - place) as u64 + beyond.bytes;
    text.truncate(place);
    if text.contains('\u{1b}') {
        // The marker, and the lines after it, are not of the colour that the cut left open.
        text.push_str("\u{1b}[0m");
    }
    match marker {
        CutMarker::Counted => text.push_str(&format!("… [{gone} bytes cut]")),
        CutMarker::Text(marker) => text.push_str(marker),
    }
}

/// The last character boundary at or below a place.
pub(crate) fn boundary_below(text: &str, place: usize) -> usize {
    let mut place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

/// Moves a cut that would fall into a colour sequence to before it.
fn outside_a_colour(text: &str, place: usize) -> usize {
    match text[..place].rfind('\u{1b}') {
        Some(begin) if !text[begin..place].contains('m') => begin,
        _ => place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, limit: LineLimit, expected: &str) {
        let mut line = text.to_owned();
        cut(&mut line, Beyond::default(), limit, CutMarker::Counted);
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_within_its_limit_stays() {
        check("abcd", LineLimit::Bytes(4), "abcd");
        check("éééé", LineLimit::Characters(4), "éééé");
        check("", LineLimit::Bytes(0), "");
    }

    #[test]
    fn a_cut_falls_on_a_character_and_says_how_much_is_gone() {
        check("abcde", LineLimit::Bytes(4), "abcd… [1 bytes cut]");
        check("aéé", LineLimit::Bytes(2), "a… [4 bytes cut]");
        check("éééé", LineLimit::Characters(3), "ééé… [2 bytes cut]");
    }

    #[test]
    fn what_was_never_kept_counts_too() {
        let mut line = "abcd".to_owned();
        let beyond = Beyond { bytes: 1000 };
        cut(&mut line, beyond, LineLimit::Bytes(2), CutMarker::Counted);
        assert_eq!(line, "ab… [1002 bytes cut]");
        let mut line = "ab".to_owned();
        let marker = CutMarker::Text("...[truncated]");
        cut(&mut line, beyond, LineLimit::Bytes(2), marker);
        assert_eq!(line, "ab...[truncated]");
    }

    #[test]
    fn a_cut_splits_no_colour_and_leaves_none_open() {
        let line = "\u{1b}[31mab\u{1b}[0mcd";
        check(
            line,
            LineLimit::Bytes(9),
            "\u{1b}[31mab\u{1b}[0m… [6 bytes cut]",
        );
        check(line, LineLimit::Bytes(3), "… [13 bytes cut]");
    }
}
