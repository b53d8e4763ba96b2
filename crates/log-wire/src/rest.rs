//! The JSON of lines and pages.

use std::io;

use log_domain::{EntryId, Line, Page, Source, Timestamp};
use serde::ser::{SerializeSeq, SerializeStruct, Serializer};
use serde::{Deserialize, Deserializer, Serialize};

/// A line as clients read it. A field is `null` if the producer left it out.
#[derive(Deserialize)]
#[serde(remote = "Line")]
pub(crate) struct LineBody {
    /// The entry id, `<milliseconds>-<sequence>`.
    #[serde(with = "crate::text")]
    id: EntryId,
    #[serde(with = "crate::text::or_null", default)]
    ts: Option<Timestamp>,
    #[serde(with = "crate::text::or_null", default)]
    source: Option<Source>,
    text: Option<String>,
    phase: Option<String>,
    /// Left out if it is not.
    #[serde(default)]
    open: bool,
}

/// A line that is read.
#[derive(Deserialize)]
pub(crate) struct ReadLine(#[serde(with = "LineBody")] pub(crate) Line);

/// A page of history as clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PageBody {
    /// The lines, oldest first.
    #[serde(deserialize_with = "read_lines")]
    pub lines: Vec<Line>,
    /// Whether there are more lines in the direction of the page.
    pub has_more: bool,
    /// The next `before_id`.
    #[serde(with = "crate::text::or_null", default)]
    pub oldest_id: Option<EntryId>,
    /// The next `after_id`.
    #[serde(with = "crate::text::or_null", default)]
    pub newest_id: Option<EntryId>,
}

fn read_lines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let lines = Vec::<ReadLine>::deserialize(deserializer)?;
    Ok(lines.into_iter().map(|line| line.0).collect())
}

/// Serializes a [`Line`] without copying it.
pub(crate) struct LineRef<'a>(pub(crate) &'a Line);

impl Serialize for LineRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.0;
        let mut fields = serializer.serialize_struct("Line", 5 + usize::from(line.open))?;
        fields.serialize_field("id", &IdRef(line.id))?;
        fields.serialize_field("ts", &line.ts.as_ref().map(Timestamp::as_str))?;
        fields.serialize_field("source", &line.source.as_ref().map(Source::as_str))?;
        fields.serialize_field("text", &line.text)?;
        fields.serialize_field("phase", &line.phase)?;
        if line.open {
            fields.serialize_field("open", &true)?;
        }
        fields.end()
    }
}

struct IdRef(EntryId);

impl Serialize for IdRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct LinesRef<'a>(&'a [Line]);

impl Serialize for LinesRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut lines = serializer.serialize_seq(Some(self.0.len()))?;
        for line in self.0 {
            lines.serialize_element(&LineRef(line))?;
        }
        lines.end()
    }
}

#[derive(Serialize)]
struct PageRef<'a> {
    lines: LinesRef<'a>,
    has_more: bool,
    oldest_id: Option<IdRef>,
    newest_id: Option<IdRef>,
}

/// One line as JSON on one line.
#[must_use]
pub fn line_json(line: &Line) -> Vec<u8> {
    let mut json = Vec::with_capacity(128 + line.bytes());
    write_json(&mut json, &LineRef(line));
    json
}

/// A page as JSON.
#[must_use]
pub fn page_json(page: &Page) -> Vec<u8> {
    let text: usize = page.lines.iter().map(Line::bytes).sum();
    let mut json = Vec::with_capacity(128 + text + page.lines.len() * 96);
    let body = PageRef {
        lines: LinesRef(&page.lines),
        has_more: page.has_more,
        oldest_id: page.oldest_id().map(IdRef),
        newest_id: page.newest_id().map(IdRef),
    };
    write_json(&mut json, &body);
    json
}

/// Appends the JSON of a value.
pub(crate) fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    let mut serializer = serde_json::Serializer::with_formatter(out, OneLine);
    // Writing to a `Vec` cannot fail, and neither can values that consist of strings, flags and nulls.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// JSON that is one line to everybody. JSON allows U+0085, U+2028 and U+2029 in strings, but many programs split text into
/// lines at them, Python's `str.splitlines` for one. All other line ends are control characters, which JSON escapes.
struct OneLine;

const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

impl serde_json::ser::Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        mut text: &str,
    ) -> io::Result<()> {
        // Most text is ASCII, and looking whether it is costs next to nothing.
        if !text.is_ascii() {
            while let Some((before, rest)) = text.split_once(LINE_ENDS) {
                out.write_all(before.as_bytes())?;
                let line_end = text[before.len()..].chars().next().map_or(0, u32::from);
                write!(out, "\\u{line_end:04x}")?;
                text = rest;
            }
        }
        out.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use log_domain::{Batch, PageLimit, PageRequest};

    use super::*;

    fn line(seq: u64, text: &str) -> Line {
        Line {
            id: EntryId::new(1, seq),
            ts: Some("2026-01-01T00:00:00Z".into()),
            source: Some("stderr".into()),
            text: Some(text.into()),
            phase: None,
            open: false,
        }
    }

    fn page(lines: Vec<Line>, more: bool) -> Page {
        let request = PageRequest {
            after: Some(EntryId::ZERO),
            before: None,
            limit: PageLimit::DEFAULT,
        };
        Page::new(&request, Batch { lines, more })
    }

    #[test]
    fn a_page_has_its_lines_and_both_cursors() {
        let json = page_json(&page(vec![line(1, "a"), line(2, "b")], true));
        let read: PageBody = serde_json::from_slice(&json).unwrap();
        assert_eq!(read.lines, [line(1, "a"), line(2, "b")]);
        let ids = (read.oldest_id, read.newest_id);
        assert_eq!(ids, (Some(EntryId::new(1, 1)), Some(EntryId::new(1, 2))));
        insta::assert_snapshot!(String::from_utf8(json).unwrap(), @r#"{"lines":[{"id":"1-1","ts":"2026-01-01T00:00:00Z","source":"stderr","text":"a","phase":null},{"id":"1-2","ts":"2026-01-01T00:00:00Z","source":"stderr","text":"b","phase":null}],"has_more":true,"oldest_id":"1-1","newest_id":"1-2"}"#);
    }

    #[test]
    fn an_empty_page_has_null_cursors() {
        let json = page_json(&page(vec![], false));
        insta::assert_snapshot!(String::from_utf8(json).unwrap(), @r#"{"lines":[],"has_more":false,"oldest_id":null,"newest_id":null}"#);
    }

    #[test]
    fn only_the_state_of_an_open_line_says_that_it_is_open() {
        let open = Line {
            open: true,
            ..line(1, "continue? [y/N] ")
        };
        let json = String::from_utf8(line_json(&open)).unwrap();
        insta::assert_snapshot!(json, @r#"{"id":"1-1","ts":"2026-01-01T00:00:00Z","source":"stderr","text":"continue? [y/N] ","phase":null,"open":true}"#);
        let read: ReadLine = serde_json::from_str(&json).unwrap();
        assert_eq!(read.0, open);
    }

    #[test]
    fn the_json_of_a_line_never_contains_a_line_end() {
        // Everything that Python, JavaScript or Unicode takes for the end of a line, alone and among others.
        let ends = [
            "\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}",
            "\u{2028}", "\u{2029}",
        ];
        let mut texts: Vec<_> = ends.map(|end| format!("a{end}ü{end}{end}\"\\\u{0}")).into();
        texts.push(ends.concat());
        for text in texts {
            let json = String::from_utf8(line_json(&line(1, &text))).unwrap();
            let is_end = |c: char| c.is_control() || LINE_ENDS.contains(&c);
            assert!(!json.contains(is_end), "{json:?}");
            let read: ReadLine = serde_json::from_str(&json).unwrap();
            assert_eq!(read.0, line(1, &text));
        }
    }

    #[test]
    fn text_that_ends_no_line_stays_as_it_is() {
        let text = "ü€😀\u{84}\u{2027}\u{202a}\u{e285}";
        let json = String::from_utf8(line_json(&line(1, text))).unwrap();
        assert!(json.contains(text), "{json}");
    }
}
