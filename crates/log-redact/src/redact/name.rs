//! Finds the name before a `=` or `:`.

use super::keys::{MAX_NAME, NameKind, classify_name, is_name_byte};

/// A secret name before a separator, and its surroundings.
pub(super) struct Name {
    pub(super) kind: NameKind,
    /// Whether white space follows it.
    pub(super) is_spaced: bool,
    /// Whether the name is at the beginning of its line, or in quotes or brackets. Otherwise it is inside running text.
    pub(super) stands_alone: bool,
    /// The byte that ends the value in a list of pairs.
    pub(super) list_end: Option<u8>,
}

/// The name at the end of a text. The last line of the text begins at index `line`. The name may begin in an earlier line.
pub(super) fn name_at_end(text: &[u8], line: usize) -> Option<Name> {
    let is_blank = |byte: u8| byte == b' ' || byte == b'\t';
    let spaced = trim_end(text, is_blank);
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    let unquoted = trim_end(spaced, is_quote);
    let end = unquoted.len();
    let start = trim_end(unquoted, is_name_byte)
        .len()
        .max(end.saturating_sub(MAX_NAME));
    let in_line = start.max(line).min(end);
    let kind = classify_name(&unquoted[in_line..]).or_else(|| classify_name(&unquoted[start..]))?;

    let before = &text[line.min(in_line)..in_line];
    let list_end = match before.last() {
        Some(b'?' | b'&') => Some(b'&'),
        // The quotes are around the name and its value.
        Some(b'"' | b'\'' | b'`') if unquoted.len() == spaced.len() => before.last().copied(),
        _ => trim_end(before, is_blank)
            .last()
            .filter(|byte| **byte == b';')
            .copied(),
    };
    let is_quoted = before.last().is_some_and(|byte| is_quote(*byte));
    let opening = trim_end(before, |byte| is_blank(byte) || is_quote(byte)).last();
    Some(Name {
        kind,
        is_spaced: spaced.len() < text.len(),
        stands_alone: is_quoted || opening.is_none_or(|byte| b"{,[(-+?&;>]$".contains(byte)),
        list_end,
    })
}

fn trim_end(text: &[u8], is_trimmed: impl Fn(u8) -> bool) -> &[u8] {
    let kept = text.iter().rposition(|byte| !is_trimmed(*byte));
    &text[..kept.map_or(0, |last| last + 1)]
}
