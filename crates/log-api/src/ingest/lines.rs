//! The lines of a body.

use jiff::civil::DateTime;
use log_domain::Timestamp;
use log_store::NewLine;
use log_wire::{ErrorCode, NewLineBody, WriteProblem};

use super::body::{MAX_LINES, expand, too_large};
use super::head::{AppendHead, Format, MAX_PHASE, check_source};
use super::memory::Part;
use crate::error::ApiError;
use crate::json_object::JsonObject;

/// The longest text of a line, in bytes. A longer one is cut.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// What a line needs in memory beside its text.
const LINE_OVERHEAD: usize = 160;

/// Expands a body and reads its lines: all of them, or none.
///
/// # Errors
/// 413 above a limit; 422 names the line that cannot be read.
pub(crate) fn parse(
    head: &AppendHead,
    body: Vec<u8>,
    now: &Timestamp,
    memory: &mut Part,
) -> Result<Vec<NewLine>, ApiError> {
    let plain = expand(head.encoding, body, memory)?;
    memory.grow(plain.len())?;
    let mut lines = Vec::new();
    for (n, raw) in split(&plain).enumerate() {
        let Some(line) = one_line(head, raw, (n as u64, 0), now)? else {
            continue;
        };
        if lines.len() == MAX_LINES {
            return Err(too_large());
        }
        memory.grow(LINE_OVERHEAD)?;
        lines.push(line);
    }
    Ok(lines)
}

/// One line of a body: its number in the body, from 0, and how many bytes of it were not kept. `None` for an empty line of
/// JSON, which keeps a connection alive.
///
/// # Errors
/// 422 says what is wrong with it.
pub(super) fn one_line(
    head: &AppendHead,
    raw: &[u8],
    (number, missing): (u64, u64),
    now: &Timestamp,
) -> Result<Option<NewLine>, ApiError> {
    match head.format {
        Format::Text => Ok(Some(NewLine {
            ts: Some(now.clone()),
            source: Some(head.source.clone()),
            text: Some(cut(String::from_utf8_lossy(raw).into_owned(), missing)),
            phase: head.phase.clone(),
            open: false,
        })),
        Format::Ndjson if raw.trim_ascii().is_empty() => Ok(None),
        Format::Ndjson => {
            let JsonObject(body) =
                serde_json::from_slice(raw).map_err(|error| malformed(number, why(&error)))?;
            from_json(head, body, now)
                .map(Some)
                .map_err(|rule| malformed(number, rule))
        }
    }
}

fn from_json(
    head: &AppendHead,
    body: NewLineBody,
    now: &Timestamp,
) -> Result<NewLine, &'static str> {
    if let Some(source) = &body.source {
        check_source(source).map_err(|_| "`source` must be `stdout`, `stderr` or `system`")?;
    }
    if body
        .phase
        .as_ref()
        .is_some_and(|phase| phase.len() > MAX_PHASE)
    {
        return Err("`phase` must have at most 64 bytes");
    }
    if let Some(ts) = &body.ts
        && ts.as_str().parse::<jiff::Timestamp>().is_err()
        && ts.as_str().parse::<DateTime>().is_err()
    {
        return Err("`ts` must be a time in ISO 8601, for example 2026-11-29T10:00:00.123Z");
    }
    Ok(NewLine {
        ts: Some(body.ts.unwrap_or_else(|| now.clone())),
        source: Some(body.source.unwrap_or_else(|| head.source.clone())),
        text: Some(cut(body.text, 0)),
        phase: body.phase.or_else(|| head.phase.clone()),
        open: body.open,
    })
}

/// Cuts a text that is too long, and says how much is missing: what was cut here and `more` bytes before it came here.
pub(super) fn cut(mut text: String, more: u64) -> String {
    if text.len() <= MAX_LINE && more == 0 {
        return text;
    }
    let is_boundary = |at: &usize| text.is_char_boundary(*at);
    let at = (0..=MAX_LINE.min(text.len()))
        .rev()
        .find(is_boundary)
        .unwrap_or(0);
    let missing = (text.len() - at) as u64 + more;
    text.truncate(at);
    text.push_str(&format!("… [{missing} bytes cut]"));
    text
}

/// The lines of a body. What follows the last LF is a line, unless it is empty. A CR before a LF is not part of the line.
fn split(plain: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = plain.strip_suffix(b"\n").unwrap_or(plain);
    let pieces = whole.split(|byte| *byte == b'\n');
    let pieces = pieces.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    // An empty body has no line, and a body of one LF has one.
    pieces.take(if plain.is_empty() { 0 } else { usize::MAX })
}

const NO_LINE: &str =
    "must be an object with `text`, and maybe `source`, `ts` and `phase`, all of them strings";

/// What is wrong with a line of JSON. It does not repeat the line.
fn why(error: &serde_json::Error) -> &'static str {
    use serde_json::error::Category;
    match error.classify() {
        Category::Data => NO_LINE,
        Category::Syntax | Category::Eof | Category::Io => "is not JSON",
    }
}

fn malformed(number: u64, rule: &str) -> ApiError {
    ApiError::Write {
        code: ErrorCode::LineMalformed,
        detail: format!("Line {number} of the body, counted from 0: {rule}"),
        more: Box::new(WriteProblem {
            line: Some(number),
            ..WriteProblem::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use log_domain::Source;

    use super::*;
    use crate::ingest::head::Encoding;
    use crate::ingest::memory::Memory;

    const NOW: &str = "2026-11-29T10:00:00.000Z";

    fn head(format: Format) -> AppendHead {
        AppendHead {
            numbering: None,
            format,
            encoding: Encoding::Identity,
            source: Source::Stderr,
            phase: Some("code".into()),
            streamed: false,
        }
    }

    fn read(format: Format, body: impl AsRef<[u8]>) -> Result<Vec<NewLine>, String> {
        let mut memory = Memory::new(256 * 1024 * 1024).part();
        let body = body.as_ref().to_vec();
        parse(&head(format), body, &NOW.into(), &mut memory).map_err(|error| error.to_string())
    }

    fn texts(format: Format, body: impl AsRef<[u8]>) -> Vec<String> {
        let lines = read(format, body).unwrap();
        lines.into_iter().map(|line| line.text.unwrap()).collect()
    }

    #[test]
    fn text_is_cut_at_lf_and_nothing_else() {
        for (body, expected) in [
            ("", &[][..]),
            ("\n", &[""]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\r\n\r\nb", &["a", "", "b"]),
            ("a\n\n", &["a", ""]),
            (
                "10%\r20%\n\u{2028}\0x\u{b}\n",
                &["10%\r20%", "\u{2028}\0x\u{b}"],
            ),
        ] {
            assert_eq!(texts(Format::Text, body), expected, "{body:?}");
        }
        assert_eq!(texts(Format::Text, b"a\xffb\n"), ["a\u{fffd}b"]);
    }

    #[test]
    fn a_line_of_text_gets_the_time_and_what_the_head_says() {
        let lines = read(Format::Text, "a").unwrap();
        let expected = NewLine {
            ts: Some(NOW.into()),
            source: Some(Source::Stderr),
            text: Some("a".into()),
            phase: Some("code".into()),
            open: false,
        };
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn a_line_of_json_says_what_it_wants_to() {
        let body = r#"{"text":"a\nb","source":"system","ts":"2026-11-29T11:00:00+01:00","phase":"deps","host":{"x":[1]}}

            {"text":""}"#;
        let lines = read(Format::Ndjson, body).unwrap();
        assert_eq!(lines[0].text.as_deref(), Some("a\nb"));
        assert_eq!(lines[0].source, Some(Source::System));
        assert_eq!(lines[0].ts, Some("2026-11-29T11:00:00+01:00".into()));
        assert_eq!(lines[0].phase.as_deref(), Some("deps"));
        assert_eq!(lines[1].text.as_deref(), Some(""));
        assert_eq!(lines[1].source, Some(Source::Stderr));
        assert_eq!(lines[1].ts, Some(NOW.into()));
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number_in_the_body() {
        for wrong in [
            "x",
            "{",
            "{}",
            "[]",
            r#" ["a"]"#,
            "null",
            "\"a\"",
            r#"{"text":null}"#,
            r#"{"text":5}"#,
            r#"{"text":"a","text":"b"}"#,
            r#"{"text":"a","source":"out"}"#,
            r#"{"text":"a","source":1}"#,
            r#"{"text":"a","ts":"yesterday"}"#,
            r#"{"text":"a","ts":1700000000}"#,
            r#"{"text":"a","phase":[]}"#,
            r#"{"text":"a"} {"text":"b"}"#,
            r#"{"text":"\ud800"}"#,
            &format!(r#"{{"text":"a","phase":"{}"}}"#, "p".repeat(65)),
            &format!(r#"{{"text":"a","x":{}}}"#, "[".repeat(10_000)),
        ] {
            let body = format!("{{\"text\":\"a\"}}\n\n{wrong}\n");
            let error = read(Format::Ndjson, body).unwrap_err();
            let expected = "line-malformed: Line 2 of the body, counted from 0: ";
            assert!(error.starts_with(expected), "{wrong}: {error}");
        }
        let error = read(Format::Ndjson, b"{\"text\":\"\xff\"}").unwrap_err();
        assert!(error.contains("Line 0"), "{error}");
    }

    #[test]
    fn too_many_lines_are_refused_and_a_line_that_is_too_long_is_cut() {
        assert_eq!(texts(Format::Text, "\n".repeat(MAX_LINES)).len(), MAX_LINES);
        let error = read(Format::Text, "\n".repeat(MAX_LINES + 1)).unwrap_err();
        assert!(error.contains("20000 lines"), "{error}");
        let long = "é".repeat(MAX_LINE / 2 + 5);
        let cut = texts(Format::Text, &long).remove(0);
        assert!(cut.starts_with('é') && cut.ends_with("é… [10 bytes cut]"));
        let whole = "x".repeat(MAX_LINE);
        assert_eq!(texts(Format::Text, &whole), [whole]);
    }
}
