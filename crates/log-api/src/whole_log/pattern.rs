//! What is searched for: a text or a regular expression, compiled with bounds.

use std::borrow::Cow;

use anstream::adapter::strip_str;
use log_domain::Line;
use log_wire::SearchMatch;
use regex::{Regex, RegexBuilder};

/// The longest `q`, in bytes.
pub(crate) const MAX_BYTES: usize = 512;

/// The most memory of a compiled expression, and of its cache, in bytes.
const MAX_COMPILED: usize = 1 << 20;
const MAX_CACHE: usize = 2 << 20;

/// How deep the groups of an expression may be nested.
const MAX_NESTING: u32 = 64;

/// A compiled pattern. Matching takes time linear in the text, whatever the pattern (the promise of `regex`).
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

/// The pattern as it was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PatternRequest<'a> {
    pub(crate) text: &'a str,
    pub(crate) is_regex: bool,
    pub(crate) case_sensitive: bool,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it: a rule for the parameter `q`, without any part of the pattern.
    pub(crate) fn compile(request: PatternRequest<'_>) -> Result<Self, String> {
        if !(1..=MAX_BYTES).contains(&request.text.len()) {
            return Err(format!("must have 1 to {MAX_BYTES} bytes"));
        }
        let source = match request.is_regex {
            true => Cow::Borrowed(request.text),
            false => Cow::Owned(regex::escape(request.text)),
        };
        if let Err(error) = regex_syntax::Parser::new().parse(&source) {
            return Err(format!(
                "must be a regular expression: {}",
                problem(&source, &error)
            ));
        }
        RegexBuilder::new(&source)
            .case_insensitive(!request.case_sensitive)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_CACHE)
            .nest_limit(MAX_NESTING)
            .build()
            .map(Self)
            .map_err(|_| "must be a smaller regular expression".to_owned())
    }

    /// Where a line matches, in its text without terminal control. `None` if it does not.
    pub(crate) fn find<'l>(&self, line: &'l Line) -> Option<SearchMatch<'l>> {
        let text = without_control(line.text.as_deref()?);
        let mut found = self.0.find_iter(&text).peekable();
        found.peek()?;
        let mut spans = Vec::new();
        let mut counted = Utf16::default();
        for span in found.filter(|span| !span.is_empty()) {
            if spans.len() == SearchMatch::MAX_SPANS {
                break;
            }
            let start = counted.units_before(&text, span.start());
            spans.push([start, counted.units_before(&text, span.end())]);
        }
        Some(SearchMatch {
            id: line.id,
            text,
            spans,
        })
    }
}

/// The text without terminal control, borrowed where it has none.
fn without_control(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte.is_ascii_control()) && !text.contains('\u{9b}') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(strip_str(text).to_string())
}

/// Counts UTF-16 units up to growing offsets, so that each character is looked at once.
#[derive(Debug, Default)]
struct Utf16 {
    bytes: usize,
    units: usize,
}

impl Utf16 {
    fn units_before(&mut self, text: &str, offset: usize) -> usize {
        let between = text.get(self.bytes..offset).unwrap_or_default();
        self.units += match between.is_ascii() {
            true => between.len(),
            false => between.encode_utf16().count(),
        };
        self.bytes = offset;
        self.units
    }
}

/// What is wrong and where, without the expression itself.
fn problem(source: &str, error: &regex_syntax::Error) -> String {
    let (kind, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
        _ => return "it cannot be read".to_owned(),
    };
    let before = source.get(..span.start.offset).unwrap_or_default();
    format!("{kind}, at character {}", before.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use log_domain::EntryId;

    use super::*;

    fn line(text: &str) -> Line {
        Line {
            id: EntryId::new(1, 0),
            ts: None,
            source: None,
            text: Some(text.to_owned()),
            phase: None,
            open: false,
        }
    }

    fn compile(text: &str, is_regex: bool, case_sensitive: bool) -> Result<Pattern, String> {
        Pattern::compile(PatternRequest {
            text,
            is_regex,
            case_sensitive,
        })
    }

    fn spans(pattern: &Pattern, text: &str) -> Option<Vec<[usize; 2]>> {
        pattern.find(&line(text)).map(|found| found.spans)
    }

    #[test]
    fn a_literal_is_found_in_any_case_and_is_no_expression() {
        let pattern = compile("a.C", false, false).unwrap();
        assert_eq!(spans(&pattern, "xA.c a.c abc"), Some(vec![[1, 4], [5, 8]]));
        assert_eq!(spans(&pattern, "abc"), None);
        let exact = compile("Error", false, true).unwrap();
        assert_eq!(spans(&exact, "error"), None);
    }

    #[test]
    fn spans_count_utf16_units_of_the_text_without_control() {
        let pattern = compile("warn", false, false).unwrap();
        let found = line("🦀é \u{1b}[33mwa\u{1b}[1mrn\u{1b}[0m warn");
        let found = pattern.find(&found).unwrap();
        assert_eq!(found.text, "🦀é warn warn");
        assert_eq!(found.spans, [[4, 8], [9, 13]]);
    }

    #[test]
    fn an_empty_match_finds_the_line_and_marks_nothing() {
        let pattern = compile("^$", true, false).unwrap();
        assert_eq!(spans(&pattern, ""), Some(vec![]));
        assert_eq!(spans(&pattern, "x"), None);
    }

    #[test]
    fn a_line_has_a_bounded_number_of_spans() {
        let pattern = compile("a", false, false).unwrap();
        let spans = spans(&pattern, &"a".repeat(5000)).unwrap();
        assert_eq!(spans.len(), SearchMatch::MAX_SPANS);
    }

    #[test]
    fn a_bad_pattern_is_refused_with_the_reason_and_never_repeated() {
        let refused = |text: &str| compile(text, true, false).unwrap_err();
        assert_eq!(refused(""), "must have 1 to 512 bytes");
        assert_eq!(refused(&"é".repeat(257)), "must have 1 to 512 bytes");
        assert_eq!(
            refused("é(a"),
            "must be a regular expression: unclosed group, at character 2"
        );
        assert_eq!(
            refused("[z-a]"),
            "must be a regular expression: invalid character class range, the start must be <= the end, at character 2"
        );
        let huge = refused(r"((\pL{100}){100}){100}");
        assert_eq!(huge, "must be a smaller regular expression");
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        assert_eq!(refused(&deep), "must be a smaller regular expression");
    }
}
