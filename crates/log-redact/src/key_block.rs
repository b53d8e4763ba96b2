//! Private keys in their text form, from `-----BEGIN … PRIVATE KEY-----` to `-----END`.
//!
//! The lines of a block may have something before them: the name of a container, a time, a line number. It is learnt from
//! the first line, and digits in it may change. Only lines that look like key material are hidden. So a message that only
//! mentions the first line of a block hides nothing.

use std::ops::Range;

use crate::ranges::Ranges;
use crate::span::floor;
use crate::tokens::is_base64;

/// What begins a block. A label follows.
pub(crate) const BEGINNINGS: [&str; 3] = ["-----BEGIN ", "---- BEGIN ", "Private-Lines: "];

/// How many lines of others may stand between two lines of a block.
const MAX_FOREIGN: usize = 64;

/// The minimum length of the first line of key material.
const MIN_FIRST: usize = 20;

/// A block whose end has not come yet.
#[derive(Debug, Clone)]
pub(crate) struct KeyBlock {
    /// What stands before the first line of the block.
    prefix: String,
    /// What stands behind it.
    suffix: String,
    /// How many lines of key material have come.
    lines: usize,
    /// How many lines of others have come since the last line of the block.
    foreign: usize,
}

/// What a line has of a private key.
#[derive(Debug)]
pub(crate) enum Begin {
    /// It is no private key, or one that ends in this line. Nothing that begins before the place can be another one.
    Nothing(usize),
    /// It goes on in the next line.
    Block(KeyBlock),
}

/// Handles the beginning of a block at a place. Hides what of the key is in this line. `end` is the place of the next
/// `END` in the line.
pub(crate) fn begin(line: &str, at: usize, end: Option<usize>, hidden: &mut Ranges) -> Begin {
    let Some(after) = label_end(line, at) else {
        return Begin::Nothing(at);
    };
    let tail = &line[after..];
    if let Some(end) = end.filter(|end| *end >= after) {
        if has_material(&line[after..end]) {
            hidden.add(after..end);
        }
        return Begin::Nothing(end);
    }
    if let Some(len) = material_len(tail) {
        hidden.add(after..after + len);
        return Begin::Nothing(after + len);
    }
    if !tail.trim_start().is_empty() && !tail.starts_with(['\\', '"', '\'', ',']) {
        return Begin::Nothing(at);
    }
    Begin::Block(KeyBlock {
        prefix: line[..at].to_owned(),
        suffix: tail.to_owned(),
        lines: 0,
        foreign: 0,
    })
}

/// The first end of a block at or after a place.
pub(crate) fn find_end(line: &str, from: usize) -> Option<usize> {
    let tail = line.get(from..)?;
    let end = tail.find("-----END ").or_else(|| tail.find("---- END "))?;
    Some(from + end)
}

/// The place behind the first line of a private key that begins at a place.
fn label_end(line: &str, at: usize) -> Option<usize> {
    let rest = &line[at..];
    if let Some(count) = rest.strip_prefix(BEGINNINGS[2]) {
        let digits = count.bytes().take_while(u8::is_ascii_digit).count();
        return (1..8)
            .contains(&digits)
            .then_some(at + BEGINNINGS[2].len() + digits);
    }
    let dashes = if rest.starts_with(BEGINNINGS[0]) {
        "-----"
    } else {
        " ----"
    };
    let begin = BEGINNINGS[0].len();
    let view = floor(rest, begin + 96);
    let len = rest.get(begin..view)?.find(dashes)?;
    let label = &rest[begin..begin + len];
    let labels = ["PRIVATE KEY", "SECRET KEY", "Static key"];
    let is_secret = labels.iter().any(|l| label.contains(l));
    is_secret.then_some(at + begin + len + dashes.len())
}

impl KeyBlock {
    /// Hides the key material of the next line. Returns whether the block goes on.
    pub(crate) fn next_line(&mut self, line: &str, hidden: &mut Ranges) -> bool {
        if let Some(end) = find_end(line, 0) {
            let run = line[..end]
                .bytes()
                .rev()
                .take_while(|b| is_base64(*b))
                .count();
            let is_key = run >= 4 && is_material(&line[end - run..end], 1);
            hidden.add(end - if is_key { run } else { 0 }..end);
            return false;
        }
        if let Some(material) = self.material(line) {
            hidden.add(material);
            self.lines += 1;
            self.foreign = 0;
            return true;
        }
        let own = after_like(&self.prefix, line).map(|at| line[at..].trim());
        match own {
            Some(rest) if self.is_suffix(rest) || is_header(rest) => {
                self.foreign += 1;
                self.foreign < MAX_FOREIGN
            }
            Some(_) => false,
            // A line of somebody else, unless the block has no prefix of its own.
            None => {
                self.foreign += 1;
                !self.prefix.trim().is_empty() && self.foreign < MAX_FOREIGN && self.lines > 0
                    || (self.foreign < 4 && !self.prefix.trim().is_empty())
            }
        }
    }

    /// The key material of a line.
    fn material(&self, line: &str) -> Option<Range<usize>> {
        // The whole prefix, or only its first words: `10:00:01 key: -----BEGIN` goes on with `10:00:01 MII…` or `MII…`.
        let places = std::iter::once(self.prefix.len()).chain(word_starts(&self.prefix));
        for place in places {
            let Some(at) = after_like(&self.prefix[..place], line) else {
                continue;
            };
            let at = at + line[at..].len() - line[at..].trim_start().len();
            let run = line[at..].bytes().take_while(|b| is_base64(*b)).count();
            if is_material(&line[at..at + run], self.lines) && self.is_suffix(&line[at + run..]) {
                return Some(at..at + run);
            }
        }
        // Anything may stand before a long run: the prefix has changed more than its digits.
        let trimmed = line.trim_end();
        let run = trimmed.bytes().rev().take_while(|b| is_base64(*b)).count();
        let at = trimmed.len() - run;
        let is_apart = trimmed[..at].ends_with([' ', '\t']);
        // The last line of a key is shorter than the others.
        let (least, before) = match self.lines {
            0 | 1 => (48, 0),
            _ => (16, 1),
        };
        let text = &trimmed[at..];
        let is_long = run >= least || (self.lines > 1 && text.ends_with('=') && run >= 4);
        (is_long && is_apart && is_material(text, before)).then_some(at..trimmed.len())
    }

    fn is_suffix(&self, text: &str) -> bool {
        let is_closing = |c: char| c.is_whitespace() || "\\nr\"',;})]+".contains(c);
        text.chars().all(is_closing) || after_like(&self.suffix, text) == Some(text.len())
    }
}

/// The place in a text behind what is like a model: the same, with other digits and other white space.
fn after_like(model: &str, text: &str) -> Option<usize> {
    // Digits, or else hexadecimal ones: `0040: ` is followed by `00c0: `.
    after_like_with(model, text, u8::is_ascii_digit).or_else(|| {
        let is_hex = |b: &u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f');
        after_like_with(model, text, is_hex)
    })
}

fn after_like_with(model: &str, text: &str, is_digit: fn(&u8) -> bool) -> Option<usize> {
    let (m, t) = (model.as_bytes(), text.as_bytes());
    let run = |bytes: &[u8], from: usize, is: fn(&u8) -> bool| {
        bytes[from..].iter().take_while(|b| is(b)).count()
    };
    let (mut i, mut j) = (0, 0);
    while i < m.len() {
        let class: fn(&u8) -> bool = match m[i] {
            b'0'..=b'9' => is_digit,
            b' ' | b'\t' => |b| matches!(b, b' ' | b'\t'),
            byte => {
                if t.get(j) != Some(&byte) {
                    return None;
                }
                i += 1;
                j += 1;
                continue;
            }
        };
        let (model_run, text_run) = (run(m, i, class), run(t, j, class));
        if text_run == 0 && i > 0 {
            return None;
        }
        i += model_run;
        j += text_run;
    }
    text.is_char_boundary(j).then_some(j)
}

/// Where the words of a text begin, last one first, and 0.
fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let is_blank = |b: u8| matches!(b, b' ' | b'\t');
    let inner = move |at: &usize| is_blank(bytes[*at - 1]) && !is_blank(bytes[*at]);
    (1..bytes.len().min(256))
        .rev()
        .filter(inner)
        .chain(std::iter::once(0))
}

/// Whether a run of the alphabet of base64 looks like a line of a key. `before` is how many such lines came before it.
fn is_material(run: &str, before: usize) -> bool {
    let has = |is: fn(&u8) -> bool| run.bytes().any(|b| is(&b));
    let (lower, upper, digit) = (
        has(u8::is_ascii_lowercase),
        has(u8::is_ascii_uppercase),
        has(u8::is_ascii_digit),
    );
    let symbol = has(|b| matches!(b, b'+' | b'/' | b'='));
    let is_hex = run
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    if run.is_empty() || is_hex {
        return false;
    }
    let is_mixed = lower && upper;
    match (before, run.len()) {
        (0, len) => len >= MIN_FIRST && is_mixed && (digit || symbol),
        (_, 16..) => is_mixed || (digit && (lower || upper)),
        (_, 4..) => {
            symbol && (is_mixed || digit)
                || (digit && (lower || upper))
                || has_inner_capital(run)
                || run.ends_with('=')
        }
        (_, _) => run.ends_with('='),
    }
}

fn has_inner_capital(run: &str) -> bool {
    run.as_bytes()
        .windows(2)
        .any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase())
}

/// Lines before the key material of a block.
fn is_header(text: &str) -> bool {
    let headers = [
        "Proc-Type:",
        "DEK-Info:",
        "Version:",
        "Comment:",
        "Hash:",
        "Charset:",
        "MessageID:",
        "Subject:",
        "x-",
    ];
    headers.iter().any(|header| text.starts_with(header))
}

/// Whether a text between the two ends of a block has a key, and is not just `and`.
fn has_material(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii() || !is_base64(c as u8))
        .any(|run| is_material(run, 0))
}

/// The length of the key material that a text begins with: runs with spaces or written-out line ends between them.
fn material_len(text: &str) -> Option<usize> {
    let mut at = 0;
    let mut end = None;
    loop {
        let rest = &text[at..];
        let gap = gap_len(rest);
        let run = rest[gap..].bytes().take_while(|b| is_base64(*b)).count();
        let before = usize::from(end.is_some());
        // A written-out line end (`\n`) is not the first letter of a run.
        if !is_material(&rest[gap..gap + run], before) {
            return end;
        }
        at += gap + run;
        end = Some(at);
    }
}

/// The length of the spaces and written-out line ends that a text begins with.
fn gap_len(text: &str) -> usize {
    let mut rest = text;
    while let Some(after) = rest
        .strip_prefix("\\n")
        .or_else(|| rest.strip_prefix("\\r"))
        .or_else(|| rest.strip_prefix(['\\', ' ', '\t']))
    {
        rest = after;
    }
    text.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_may_change_its_digits_and_its_width() {
        assert_eq!(after_like("#7 0.123 ", "#7 10.5 MII"), Some(8));
        assert_eq!(after_like("     9\t", "    10\tMII"), Some(7));
        assert_eq!(after_like("web-1  | ", "web-1 | MII"), Some(8));
        assert_eq!(after_like("web-1  | ", "db-1  | MII"), None);
        assert_eq!(after_like("", "MII"), Some(0));
    }

    #[test]
    fn words_and_hashes_are_no_key_material() {
        for run in [
            "FAILED",
            "done",
            "Done",
            "20000",
            "ok",
            "d670460b4b4aece5915caf5c68d12f560a9fe3e4",
            "",
        ] {
            assert!(!is_material(run, 1), "{run}");
        }
        for run in [
            "Mj6d8/+=",
            "aB3d",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj",
            "ab==",
            "Q==",
        ] {
            assert!(is_material(run, 1), "{run}");
        }
        assert!(!is_material("retrying", 0));
        assert!(!is_material("BuildCompletedSuccessfully", 0));
    }
}
