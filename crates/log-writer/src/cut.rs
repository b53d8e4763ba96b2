//! Cuts lines that are too long, and marks the cut.

/// The maximum length of a line. A longer line is cut, and a [`CutMarker`] is added at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineLimit {
    /// This many bytes of UTF-8. The cut is at the last character boundary within the limit.
    Bytes(usize),
    /// This many characters (Unicode code points).
    Characters(usize),
}

impl LineLimit {
    /// 16 KiB. A person can still read such a line, and it never fills a page of history alone.
    pub const DEFAULT: Self = Self::Bytes(16 * 1024);

    /// The most bytes that a line within the limit can have.
    pub(crate) const fn max_bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            // A character has at most four bytes.
            Self::Characters(characters) => characters.saturating_mul(4),
        }
    }

    /// Where to cut a text. `None` if it is within the limit.
    fn cut_position(self, text: &str) -> Option<usize> {
        match self {
            Self::Bytes(bytes) => (text.len() > bytes).then(|| boundary_at_or_before(text, bytes)),
            Self::Characters(characters) => {
                // A text has at most as many characters as bytes.
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

/// What is added to the end of a line that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutMarker {
    /// `… [12345 bytes cut]`.
    #[default]
    Counted,
    /// A fixed text, which does not say how much was cut.
    Text(&'static str),
}

/// Cuts a line to its limit. `overflow` bytes more were not kept in memory, because they are far beyond the limit.
pub(crate) fn cut(text: &mut String, overflow: u64, limit: LineLimit, marker: CutMarker) {
    let position = limit.cut_position(text);
    if position.is_none() && overflow == 0 {
        return;
    }
    let position = outside_a_colour(text, position.unwrap_or(text.len()));
    let removed = (text.len() - position) as u64 + overflow;
    text.truncate(position);
    if text.contains('\u{1b}') {
        // The cut may have removed the end of a colour. Without this the marker and later lines would have that colour.
        text.push_str("\u{1b}[0m");
    }
    match marker {
        CutMarker::Counted => text.push_str(&format!("… [{removed} bytes cut]")),
        CutMarker::Text(marker) => text.push_str(marker),
    }
}

/// The last character boundary at or before a position.
fn boundary_at_or_before(text: &str, position: usize) -> usize {
    let mut position = position.min(text.len());
    while !text.is_char_boundary(position) {
        position -= 1;
    }
    position
}

/// If a cut is inside a colour sequence, moves it before the sequence.
fn outside_a_colour(text: &str, position: usize) -> usize {
    match text[..position].rfind('\u{1b}') {
        Some(begin) if !text[begin..position].contains('m') => begin,
        _ => position,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, limit: LineLimit, expected: &str) {
        let mut line = text.to_owned();
        cut(&mut line, 0, limit, CutMarker::Counted);
        assert_eq!(line, expected);
    }

    #[test]
    fn a_line_within_its_limit_is_unchanged() {
        check("abcd", LineLimit::Bytes(4), "abcd");
        check("éééé", LineLimit::Characters(4), "éééé");
        check("", LineLimit::Bytes(0), "");
    }

    #[test]
    fn a_cut_is_at_a_character_boundary_and_says_how_much_is_missing() {
        check("abcde", LineLimit::Bytes(4), "abcd… [1 bytes cut]");
        check("aéé", LineLimit::Bytes(2), "a… [4 bytes cut]");
        check("éééé", LineLimit::Characters(3), "ééé… [2 bytes cut]");
    }

    #[test]
    fn overflow_counts_too() {
        let mut line = "abcd".to_owned();
        let overflow = 1000;
        cut(&mut line, overflow, LineLimit::Bytes(2), CutMarker::Counted);
        assert_eq!(line, "ab… [1002 bytes cut]");
        let mut line = "ab".to_owned();
        let marker = CutMarker::Text("...[truncated]");
        cut(&mut line, overflow, LineLimit::Bytes(2), marker);
        assert_eq!(line, "ab...[truncated]");
    }

    #[test]
    fn a_cut_splits_no_colour_sequence_and_ends_the_colour() {
        let line = "\u{1b}[31mab\u{1b}[0mcd";
        check(
            line,
            LineLimit::Bytes(9),
            "\u{1b}[31mab\u{1b}[0m… [6 bytes cut]",
        );
        check(line, LineLimit::Bytes(3), "… [13 bytes cut]");
    }
}
