//! Values that markup ties to their names: elements of XML, and pairs whose name is a value itself.

use crate::span::{Ends, Span, span};

/// The text of the XML element whose name ends at a place: `<password>v</password>`, also with attributes. `before` is the
/// text before the name.
pub(crate) fn element(line: &str, before: &str, end: usize) -> Option<Span> {
    let opening = before.rsplit(['<', ' ', '>']).next()?;
    let is_tag = before[..before.len() - opening.len()].ends_with('<');
    let is_namespace = opening.is_empty() || opening.ends_with(':');
    let rest = &line[end..];
    if !is_tag || !is_namespace || !rest.starts_with(['>', ' ']) {
        return None;
    }
    let text = &rest[rest.find('>')? + 1..];
    let (text, close) = match text.strip_prefix("<![CDATA[") {
        Some(text) => (text, "]]></"),
        None => (text, "</"),
    };
    let len = text.find(close)?;
    let begin = line.len() - text.len();
    // Other elements inside of it are no value.
    let is_text = !text[..len].contains('<');
    is_text.then_some(Span {
        range: begin..begin + len,
        quote: None,
        end: begin + len,
    })
}

/// The text of the XML element whose attribute is the name: `<entry key="password">v</entry>`. The name ends at a place.
pub(crate) fn named_element(line: &str, end: usize) -> Option<Span> {
    let text = line[end..].strip_prefix("\">")?;
    let len = text.find("</")?;
    let begin = line.len() - text.len();
    let is_text = len > 0 && !text[..len].contains('<');
    is_text.then_some(Span {
        range: begin..begin + len,
        quote: None,
        end: begin + len,
    })
}

/// The value of a pair whose name, which ends at a place, is a value itself: `{"name": "DB_PASSWORD", "value": "x"}`,
/// `ParameterKey=DbPassword,ParameterValue=x`.
pub(crate) fn paired(line: &str, end: usize) -> Option<Span> {
    let value = [",ParameterValue=", ",value=", ",Value="];
    if let Some(rest) = value.iter().find_map(|tie| line[end..].strip_prefix(tie)) {
        return Some(span(line, line.len() - rest.len(), Ends::default()));
    }
    let rest = line[end..].trim_start_matches('\\');
    let rest = rest.strip_prefix(['"', '\''])?;
    let rest = rest.trim_start_matches([',', ' ', '\t', '\\', '"', '\'', ';']);
    let rest = rest
        .strip_prefix("value")
        .or_else(|| rest.strip_prefix("Value"))?;
    let rest = rest.trim_start_matches(['\\', '"', '\'', ' ']);
    let rest = rest.strip_prefix([':', '='])?.trim_start();
    Some(span(line, line.len() - rest.len(), Ends::default()))
}
