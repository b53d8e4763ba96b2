//! Values behind a secret name: `DB_PASSWORD=…`, `"apiKey": "…"`, `--token …`, `<password>…</password>`.
//!
//! The name alone does not decide. `password: updated successfully` and `token = lexer.next()` are shown.

mod secret;
mod words;

use crate::markup::{element, named_element, paired};
use crate::names::{MAX_NAME, NameKind, classify, classify_two_words, is_name_byte};
use crate::ranges::Ranges;
use crate::span::{Ends, Span, floor, is_quote, span, written_quote};
use crate::value::{Randomness, is_numeric, is_placeholder, is_plain_word, randomness};

/// How far before a name its surroundings are looked at.
const LOOK_BACK: usize = 256;

/// How far behind a name the next pair of a form is looked for.
const LOOK_AHEAD: usize = 256;

/// How a value is tied to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assignment {
    /// `NAME=value`
    Tight,
    /// `name = value`, `name: value`
    Loose,
    /// `"name" => value`
    Arrow,
    /// `--name value`
    Flag,
    /// Words that say that the next word is the value: `ENV NAME value`.
    Words,
}

/// A secret name in a line, and its surroundings.
struct Named<'a> {
    line: &'a str,
    name: &'a str,
    kind: NameKind,
    /// The text before the name.
    before: &'a str,
    /// The place behind the name.
    end: usize,
    /// Whether the name begins its line or an entry of a list. Otherwise it is in running text.
    stands_alone: bool,
    /// Whether the surroundings leave no doubt that a value follows.
    is_sure: bool,
}

/// Adds the secret values of the name around a place. Returns the place behind the name.
pub(crate) fn hide_values(line: &str, at: usize, hidden: &mut Ranges) -> usize {
    let bytes = line.as_bytes();
    let end = at + bytes[at..].iter().take_while(|b| is_name_byte(**b)).count();
    let first = end.saturating_sub(MAX_NAME).min(at);
    let start = bytes[first..at]
        .iter()
        .rposition(|b| !is_name_byte(*b))
        .map_or(first, |p| first + p + 1);
    // The letter of a written-out line end is none of the name: `\nCookie`.
    let is_escape =
        bytes[..start].ends_with(b"\\") && matches!(bytes.get(start), Some(b'n' | b'r' | b't'));
    let start = start + usize::from(is_escape && start < at);
    let name = &line[start..end];
    let back = floor(line, start.saturating_sub(LOOK_BACK));
    let before = &line[back..start];
    let kind = classify(name).or_else(|| classify_two_words(before, name));
    let is_name = name != "secret" || !is_in_arn(before);
    if let Some(kind) = kind.filter(|_| is_name) {
        Named::new(line, name, kind, before, end).hide(hidden);
    }
    end
}

impl<'a> Named<'a> {
    fn new(line: &'a str, name: &'a str, kind: NameKind, before: &'a str, end: usize) -> Self {
        let trimmed = before.trim_end_matches([' ', '\t', '"', '\'', '`', '\\', ':', '_']);
        let is_opening = |c: char| "{,[(-+?&;>$]|~*!/#<=".contains(c);
        let word = trimmed.rsplit([' ', '\t']).next().unwrap_or_default();
        let word_stands = matches!(word, "" | "export" | "set" | "F" | "E" | "declare" | "-x")
            || is_numeric(word);
        let opened = before.bytes().next_back().is_some_and(is_quote);
        let closed = line
            .as_bytes()
            .get(end)
            .copied()
            .is_some_and(|b| is_quote(b) || b == b'\\');
        let is_header = name.len() > 2 && name[..2].eq_ignore_ascii_case("x-");
        Self {
            line,
            name,
            kind,
            before,
            end,
            stands_alone: trimmed.ends_with(is_opening) || word_stands,
            is_sure: (opened && !closed) || is_header || matches!(before.trim(), ">" | "<"),
        }
    }

    fn hide(&self, hidden: &mut Ranges) {
        if let Some((assignment, at)) = self.assignment() {
            if self.is_closing_quote(at) {
                return;
            }
            let ends = self.ends(assignment);
            let first = self.first_of_list(at);
            let mut value = span(self.line, first.unwrap_or(at), ends);
            self.leave_encoded_pair(at, &mut value);
            self.leave_bracket(&mut value);
            let is_message = first.is_some() && self.is_message(&self.line[value.range.clone()]);
            if self.is_secret(assignment, &value) && !is_message {
                hidden.add(value.range.clone());
            }
            self.hide_new_value(&value, hidden);
        } else if let Some(value) = element(self.line, self.before, self.end)
            .or_else(|| named_element(self.line, self.end))
            .or_else(|| paired(self.line, self.end))
        {
            let text = &self.line[value.range.clone()];
            if !is_placeholder(text) && !is_plain_word(text) && !self.is_word_of_doubtful_kind(text)
            {
                hidden.add(value.range);
            }
        }
    }

    /// Whether the quote at a place ends a text that has the name in it: `prompt='Password: ', echo=False`.
    fn is_closing_quote(&self, at: usize) -> bool {
        let bytes = &self.line.as_bytes()[at..];
        let Some(quote) = bytes.first().copied().filter(|b| is_quote(*b)) else {
            return false;
        };
        let count = |text: &str| text.bytes().filter(|b| *b == quote).count();
        let opened = count(self.before) + count(&self.line[self.end..at]);
        let is_followed = |b: &u8| b.is_ascii_whitespace() || b",;:)]}".contains(b);
        opened % 2 == 1 && bytes.get(1).is_none_or(is_followed)
    }

    /// The next pair of a form that is encoded: `token%3Dvalue%26user%3Dann`.
    fn leave_encoded_pair(&self, at: usize, value: &mut Span) {
        let tie = self.line.as_bytes()[..at].last_chunk();
        let text = &self.line[value.range.clone()];
        if matches!(tie, Some(b"%3D" | b"%3d"))
            && let Some(len) = text.find("%26").or_else(|| text.find('&'))
        {
            value.range.end = value.range.start + len;
            value.end = value.range.end;
        }
    }

    /// A bracket that was opened before the name is closed behind the value: `(password=abc)`.
    fn leave_bracket(&self, value: &mut Span) {
        let text = &self.line[value.range.clone()];
        let open = match text.bytes().next_back() {
            Some(b')') => b'(',
            Some(b']') => b'[',
            Some(b'}') => b'{',
            _ => return,
        };
        if value.quote.is_some() || text.len() == 1 || text.bytes().any(|b| b == open) {
            return;
        }
        let close = text.as_bytes()[text.len() - 1];
        let count = |byte: u8| self.before.bytes().filter(|b| *b == byte).count();
        if count(open) > count(close) {
            value.range.end -= 1;
            value.end = value.range.end;
        }
    }

    /// Whether a text in a list tells what is wrong with a value: `"password": ["is too short"]`.
    fn is_message(&self, text: &str) -> bool {
        let is_login = matches!(self.kind, NameKind::Header | NameKind::Cookie);
        !is_login && (text.contains(' ') || randomness(text) == Randomness::Ordinary)
    }

    /// How the value is tied to the name, and where it begins.
    fn assignment(&self) -> Option<(Assignment, usize)> {
        let bytes = self.line.as_bytes();
        let mut at = self.end;
        // The closing quote of the name, and the bracket of `env["TOKEN"]`.
        at += written_quote(&self.line[at..])
            .filter(|quote| self.before.ends_with(quote))
            .map_or(0, str::len);
        let slashes = bytes[at..].iter().take_while(|b| **b == b'\\').count();
        let quote = bytes.get(at + slashes).copied().filter(|b| is_quote(*b));
        if quote.is_some() && quote == self.before.bytes().next_back() {
            at += slashes + 1;
            if let Some(argument) = self.next_argument(at) {
                return Some((Assignment::Flag, argument));
            }
            at += usize::from(bytes.get(at) == Some(&b']'));
        }
        // PHP: `[password] => value`
        let is_in_bracket = self.before.ends_with('[') && bytes.get(at) == Some(&b']');
        at += usize::from(is_in_bracket);
        let spaces = blanks(bytes, at);
        let rest = &bytes[at + spaces..];
        let (width, mut assignment) = match rest {
            // `::set-output name=api_token::value`
            [b':', b':', ..] if self.before.ends_with(" name=") => (2, Assignment::Tight),
            [b'%', b'3', b'D' | b'd', ..] => (3, Assignment::Tight),
            // `${NAME:-value}`, and `${NAME:?message}`
            [b':', b'-' | b'=', ..] if self.before.ends_with("${") => (2, Assignment::Tight),
            [b':', b'?' | b'+', ..] if self.before.ends_with("${") => return None,
            // SQL: `SET PASSWORD = PASSWORD('x')`
            [b'(', b'\'' | b'"', ..] if self.name == "PASSWORD" => (1, Assignment::Tight),
            [b'=', b'>', ..] if is_in_bracket => (2, Assignment::Loose),
            [b':', b':' | b'/', ..] | [b'=', b'=' | b'~', ..] => return None,
            [b'=', b'>', ..] => (2, Assignment::Arrow),
            [b':' | b'+' | b'?', b'=', ..] | [b'?', b':', ..] => (2, Assignment::Loose),
            [b'=', ..] => (1, Assignment::Tight),
            [b':', ..] => (1, Assignment::Loose),
            _ => return self.assignment_by_words(quote.is_some()),
        };
        let value = at + spaces + width;
        let value_spaces = blanks(bytes, value);
        if assignment == Assignment::Tight && (spaces > 0 || value_spaces > 0) {
            assignment = Assignment::Loose;
        }
        if assignment == Assignment::Loose && self.is_sure {
            assignment = Assignment::Tight;
        }
        Some((assignment, value + value_spaces))
    }

    /// Where the first value of a list begins: `authorization: [ 'Bearer …' ]`. `at` is the place of the list.
    fn first_of_list(&self, at: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        let first = at + 1 + blanks(bytes, bytes.len().min(at + 1));
        let is_list =
            bytes.get(at) == Some(&b'[') && bytes.get(first).copied().is_some_and(is_quote);
        is_list.then_some(first)
    }

    /// Where the next argument begins, in quotes, if the name is one of a list: `['--token', 'value']`. `at` is the place
    /// behind the name's quote.
    fn next_argument(&self, at: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        let is_header = matches!(self.kind, NameKind::Header | NameKind::Cookie);
        // Python: `[('password', 'value'), …]`
        let is_tuple = self.before[..self.before.len() - 1].ends_with('(')
            && matches!(self.kind, NameKind::Password | NameKind::Token);
        if !is_header && !is_tuple && !self.name.starts_with('-') {
            return None;
        }
        let comma = at + usize::from(bytes.get(at) == Some(&b','));
        let next = comma + blanks(bytes, comma);
        let is_quoted = next > at
            && bytes[next..]
                .iter()
                .find(|b| **b != b'\\')
                .copied()
                .is_some_and(is_quote);
        let value = is_quoted.then(|| span(self.line, next, Ends::default()))?;
        // Behind the name of an option, a program writes what it is for.
        let text = &self.line[value.range];
        let is_value =
            !text.contains(' ') && (!is_tuple || randomness(text) > Randomness::Ordinary);
        (is_header || is_value).then_some(next)
    }

    fn ends(&self, assignment: Assignment) -> Ends {
        let trimmed = self.before.trim_end();
        let separator = match trimmed.bytes().next_back() {
            Some(b'?' | b'&') => Some(b'&'),
            Some(b';') => Some(b';'),
            _ if self.kind == NameKind::Pwd && !self.is_in_list() => Some(b';'),
            _ => None,
        };
        let separator = match separator {
            None if self.is_in_set() || self.is_in_list() => Some(b','),
            None if assignment == Assignment::Tight && self.is_in_form() => Some(b'&'),
            separator => separator,
        };
        let is_odd = |quote: u8| self.before.bytes().filter(|b| *b == quote).count() % 2 == 1;
        let is_env = assignment == Assignment::Words && trimmed.ends_with("ENV");
        Ends {
            separator,
            double: is_odd(b'"'),
            single: is_odd(b'\''),
            whole: is_env || matches!(self.kind, NameKind::Header | NameKind::Cookie),
            shell: matches!(
                assignment,
                Assignment::Tight | Assignment::Flag | Assignment::Words
            ) && !self.is_sure
                && separator.is_none(),
        }
    }

    /// Whether the name is in the list of an option: `--set a.password=x,b=y`.
    fn is_in_set(&self) -> bool {
        if !self.before.contains("--") {
            return false;
        }
        let mut words = self.before.rsplit([' ', '\t']);
        let own = words.next().unwrap_or_default();
        let option = words.next().unwrap_or_default();
        // Helm has `--set` and `--set-string`, gcloud `--set-env-vars`.
        let is_set = |word: &str| word.starts_with("--set") || word == "--update-env-vars";
        is_set(option) || own.split_once('=').is_some_and(|(word, _)| is_set(word))
    }

    /// Whether the name is in a list of pairs with commas: `host:6379,password=x,ssl=True`, `{PASSWORD=x,STAGE=y}`.
    fn is_in_list(&self) -> bool {
        let rest = &self.line.as_bytes()[self.end..];
        let word = rest[..rest.len().min(LOOK_AHEAD)]
            .split(u8::is_ascii_whitespace)
            .next()
            .unwrap_or_default();
        self.before.ends_with([',', '{']) && word.split(|b| *b == b',').skip(1).all(is_pair)
    }

    /// Whether another pair of a form follows: `password=x&user=ann`.
    fn is_in_form(&self) -> bool {
        let rest = &self.line.as_bytes()[self.end..];
        let rest = &rest[..rest.len().min(LOOK_AHEAD)];
        let mut word = rest.split(|b| b.is_ascii_whitespace());
        word.next()
            .unwrap_or_default()
            .split(|b| *b == b'&')
            .skip(1)
            .any(is_pair)
    }

    /// `"old" -> "new"`: a plan of changes shows both values.
    fn hide_new_value(&self, old: &Span, hidden: &mut Ranges) {
        if matches!(
            self.kind,
            NameKind::Header | NameKind::Cookie | NameKind::Pwd | NameKind::Auth
        ) {
            return;
        }
        let mut rest = self.line[old.end..].trim_start();
        if self.line[old.range.clone()].starts_with('(') {
            // `(known after apply)`, `(sensitive value)`
            rest = rest
                .split_once(')')
                .map_or(rest, |(_, rest)| rest)
                .trim_start();
        }
        let Some(new) = rest.strip_prefix("->").or_else(|| rest.strip_prefix("=>")) else {
            return;
        };
        let new = new.trim_start();
        let at = self.line.len() - new.len();
        let value = span(self.line, at, Ends::default());
        let text = &self.line[value.range.clone()];
        let is_value = value.quote.is_some()
            || (old.quote.is_none()
                && !self.is_code(text)
                && randomness(text) > Randomness::Ordinary);
        if is_value && !is_placeholder(text) && (value.quote.is_some() || !is_plain_word(text)) {
            hidden.add(value.range);
        }
    }
}

/// Whether a text is a name with a value: `user=ann`.
fn is_pair(text: &[u8]) -> bool {
    let name = text.iter().take_while(|b| is_name_byte(**b)).count();
    name > 0 && text.get(name) == Some(&b'=')
}

/// Whether a text ends inside of the name of a thing at AWS: `arn:aws:secretsmanager:eu-west-1:123456789012:`.
fn is_in_arn(before: &str) -> bool {
    let is_edge = |c: char| c.is_whitespace() || "\"'`=[(|,".contains(c);
    before.ends_with(':')
        && before
            .rsplit(is_edge)
            .next()
            .is_some_and(|word| word.starts_with("arn:"))
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    bytes[at..]
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count()
}
