//! Where a value begins and ends: in quotes, written-out quotes, or up to the next space.

use std::ops::Range;

/// A value in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// The value without its quotes.
    pub(crate) range: Range<usize>,
    /// The quote around it.
    pub(crate) quote: Option<u8>,
    /// The place behind it and its closing quote.
    pub(crate) end: usize,
}

/// What ends a value without quotes, apart from white space.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    /// The separator of a list of pairs: `&`, `;`, or `,`, which a backslash makes a part of the value.
    pub(crate) separator: Option<u8>,
    /// Quotes that were opened before the name.
    pub(crate) double: bool,
    pub(crate) single: bool,
    /// The value is the rest of the line, as behind a header's name.
    pub(crate) whole: bool,
    /// The value is a word of a shell: quoted parts follow each other without a space.
    pub(crate) shell: bool,
}

/// The value that begins at a place.
pub(crate) fn span(line: &str, at: usize, ends: Ends) -> Span {
    let bytes = line.as_bytes();
    if let Some(quote) = written_quote(&line[at..]) {
        let from = at + quote.len();
        let close = line[from..].find(quote).map(|len| from + len);
        let end = close.unwrap_or_else(|| line.trim_end().len()).max(from);
        return Span {
            range: from..end,
            quote: Some(b'"'),
            end: close.map_or(line.len(), |close| close + quote.len()),
        };
    }
    // Prefixes of string literals: `b'…'`, `$'…'`, `Some("…")`.
    let prefix = [&b"Some("[..], b"b", b"r", b"u", b"f", b"$", b"@", b"L"];
    let prefix = prefix.into_iter().find(|p| {
        bytes[at..].starts_with(p) && is_quote(bytes.get(at + p.len()).copied().unwrap_or_default())
    });
    let open = at + prefix.map_or(0, <[u8]>::len);
    let slashes = bytes[open..].iter().take_while(|b| **b == b'\\').count();
    match bytes.get(open + slashes) {
        // A `\'` of a shell is an escaped character of a word.
        Some(quote) if is_quote(*quote) && !(slashes == 1 && *quote == b'\'' && !ends.single) => {
            quoted(line, open, slashes, *quote, ends)
        }
        _ => bare(line, at, ends),
    }
}

/// Quotes in markup, in JSON of .NET, and in an address.
const WRITTEN_QUOTES: [&str; 6] = ["&quot;", "&#34;", "&#39;", "&apos;", "\\u0022", "%22"];

/// The written-out quote that a text begins with.
pub(crate) fn written_quote(text: &str) -> Option<&'static str> {
    WRITTEN_QUOTES
        .into_iter()
        .find(|quote| text.starts_with(quote))
}

pub(crate) const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

fn quoted(line: &str, open: usize, slashes: usize, quote: u8, ends: Ends) -> Span {
    let bytes = line.as_bytes();
    let width = if slashes == 0 && bytes[open..].starts_with(&[quote; 3]) {
        3
    } else {
        1
    };
    let from = open + slashes + width;
    let mut close = find_close(bytes, from, slashes, quote, width);
    while let Some((_, behind)) = close.filter(|_| ends.shell && slashes == 0) {
        // `'it'\''s'`, `"a"'b'`: the word goes on.
        close = match &bytes[behind..] {
            [b'\\', escaped, rest @ ..] if is_quote(*escaped) => {
                let next = behind + 2;
                if rest.first().copied().is_some_and(is_quote) {
                    find_close(bytes, next + 1, 0, bytes[next], 1)
                } else {
                    return bare_from(line, open + width, next, ends, Some(quote));
                }
            }
            [next, ..] if is_quote(*next) => find_close(bytes, behind + 1, 0, *next, 1),
            _ => break,
        };
    }
    let Some((close, behind)) = close else {
        // It is not closed in this line. Then the line ends it.
        let end = line.trim_end().len().max(from);
        return Span {
            range: from..end,
            quote: Some(quote),
            end: line.len(),
        };
    };
    Span {
        range: from..close,
        quote: Some(quote),
        end: behind,
    }
}

/// Where a quoted text ends, and the place behind its quote. The quote has at most as many backslashes as at the beginning.
fn find_close(
    bytes: &[u8],
    from: usize,
    slashes: usize,
    quote: u8,
    width: usize,
) -> Option<(usize, usize)> {
    let mut run = 0;
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => run += 1,
            byte if byte == quote => {
                let closes = if slashes == 0 {
                    run % 2 == 0
                } else {
                    run <= slashes
                };
                let all = &bytes[at..];
                if closes && (width == 1 || all.starts_with(&[quote; 3])) {
                    return Some((at - if slashes == 0 { 0 } else { run }, at + width));
                }
                run = 0;
            }
            _ => run = 0,
        }
        at += 1;
    }
    None
}

fn bare(line: &str, at: usize, ends: Ends) -> Span {
    bare_from(line, at, at, ends, None)
}

/// A value without quotes that begins at a place and whose end is looked for from another place.
fn bare_from(line: &str, begin: usize, from: usize, ends: Ends, quote: Option<u8>) -> Span {
    let bytes = line.as_bytes();
    let has_list = ends.separator.is_some_and(|s| bytes[from..].contains(&s));
    let mut at = from;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let is_end = match rest[0] {
            b'\\' if ends_line(rest, ends) => true,
            b' ' | b'\t' => !(ends.whole || (has_list && ends.separator == Some(b';'))),
            b'"' => ends.double || (closes(rest) && !ends.whole),
            b'\'' | b'`' => (ends.single || rest[0] == b'`') && closes(rest),
            b'<' => rest.starts_with(b"</"),
            b'\\'
                if (ends.shell || ends.separator == Some(b','))
                    && rest.len() > 1
                    && rest[1] != b'"' =>
            {
                at += 1;
                false
            }
            b'\\' => closes_list(rest),
            byte => Some(byte) == ends.separator,
        };
        if is_end {
            break;
        }
        at += 1;
    }
    let at = floor(line, at);
    let mut end = at;
    let is_trimmed = |b: u8| {
        matches!(b, b',' | b';' | b' ' | b'\t' | b'\\')
            || (matches!(b, b')' | b']' | b'}') && !ends.shell)
    };
    while end > begin && is_trimmed(bytes[end - 1]) {
        end -= 1;
    }
    if end == begin {
        end = at;
    }
    Span {
        range: begin..end,
        quote,
        end: at,
    }
}

/// Whether a written-out line end follows (`\\r\\n`), and ends a value. A value that is not in quotes may have a backslash.
fn ends_line(rest: &[u8], ends: Ends) -> bool {
    let slashes = slashes(rest);
    let is_text = ends.whole || ends.double || ends.single;
    match &rest[slashes..] {
        [b'r', b'\\', ..] => true,
        [b'r' | b'n', ..] => is_text,
        _ => false,
    }
}

/// Whether a quote closes something: nothing of a word follows it.
fn closes(rest: &[u8]) -> bool {
    rest.get(1)
        .is_none_or(|b| b.is_ascii_whitespace() || b",;:)]}>|&\\".contains(b))
}

/// Whether a written-out quote follows: `\"`.
fn closes_list(rest: &[u8]) -> bool {
    rest.get(slashes(rest)) == Some(&b'"')
}

/// How many backslashes a text begins with. Nobody writes text out more often than four times, which makes 15 of them.
fn slashes(text: &[u8]) -> usize {
    text.iter().take(16).take_while(|b| **b == b'\\').count()
}

/// The last place up to this one at which a text can be divided.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, ends: Ends, expected: &str, rest: &str) {
        let span = span(line, 0, ends);
        assert_eq!(&line[span.range.clone()], expected, "{line}");
        assert_eq!(&line[span.end..], rest, "{line}");
    }

    #[test]
    fn a_quoted_value_ends_at_its_quote() {
        let ends = Ends::default();
        check("\"a b\\\"c\" d", ends, "a b\\\"c", " d");
        check("'a\\\\' d", ends, "a\\\\", " d");
        check("\\\"x\\\\\\\"y\\\",1", ends, "x\\\\\\\"y", ",1");
        check("\"abc", ends, "abc", "");
        check("b'abc' d", ends, "abc", " d");
        check("Some(\"abc\")", ends, "abc", ")");
        check("\"\"\"abc\"\"\"", ends, "abc", "");
        check("\"\" d", ends, "", " d");
        // The last quote has fewer backslashes than the first one, or is a shorter one.
        check("\\\\\"abc\"", ends, "abc", "");
        check("\\\\\"abc\"é", ends, "abc", "é");
        let word = Ends {
            shell: true,
            ..ends
        };
        check("\"\"\"a\"\"\"'b'", word, "a\"\"\"'b", "");
    }

    #[test]
    fn a_word_of_a_shell_ends_behind_its_last_quote() {
        let ends = Ends {
            shell: true,
            ..Ends::default()
        };
        check("'it'\\''s-a' d", ends, "it'\\''s-a", " d");
        check("'it'\"'\"'s-a' d", ends, "it'\"'\"'s-a", " d");
        check("it\\'s\\ a d", ends, "it\\'s\\ a", " d");
        check("$'a\\'b' d", ends, "a\\'b", " d");
    }

    #[test]
    fn a_value_without_quotes_ends_at_a_space_or_what_ends_its_list() {
        let ends = Ends::default();
        check("abc def", ends, "abc", " def");
        check("abc,", ends, "abc", "");
        check("abc\"}", ends, "abc", "\"}");
        check("abc</b>", ends, "abc", "</b>");
        check("abc\\\"}", ends, "abc", "\\\"}");
        let query = Ends {
            separator: Some(b'&'),
            ..ends
        };
        check("abc&d=e", query, "abc", "&d=e");
        let list = Ends {
            separator: Some(b';'),
            ..ends
        };
        check("a b;User=sa", list, "a b", ";User=sa");
        check("a b", list, "a", " b");
        let single = Ends {
            single: true,
            ..ends
        };
        check("abc' d", single, "abc", "' d");
        let whole = Ends {
            whole: true,
            double: true,
            ..ends
        };
        check("Bearer abc\" d", whole, "Bearer abc", "\" d");
    }
}
