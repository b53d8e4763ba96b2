//! Whether the value of a secret name is a secret: what stands there, and how it is tied to its name.

use super::{Assignment, Named};
use crate::names::{NameKind, classify};
use crate::span::Span;
use crate::tokens::encoded_login;
use crate::value::{
    Randomness, is_code, is_credentials, is_numeric, is_placeholder, is_plain_word, randomness,
};

/// The most bytes of a command that stands in the place of a value.
const MAX_COMMAND: usize = 512;

impl Named<'_> {
    /// Whether a value is a secret.
    pub(super) fn is_secret(&self, assignment: Assignment, value: &Span) -> bool {
        let text = &self.line[value.range.clone()];
        if is_placeholder(text)
            || is_placeholder(text.trim_end_matches([']', ')', '}', ',']))
            || is_placeholder(&self.line[value.range.start..value.end])
            || is_fingerprint(text)
            || self.is_open_placeholder(value)
            || self.is_structure(value)
        {
            return false;
        }
        let is_quoted = value.quote.is_some();
        let is_code = !is_quoted && self.is_code(text);
        match self.kind {
            NameKind::Header => return is_credentials(text),
            NameKind::Cookie => {
                let is_attribute = text.starts_with("SameSite") || text.starts_with("Path=");
                return text.contains('=') && !text.starts_with(['{', '(', '=']) && !is_attribute;
            }
            NameKind::Auth => {
                let is_npm = self.name.starts_with('_') || self.before.ends_with([':', '_']);
                return encoded_login(text).is_some()
                    || (randomness(text) == Randomness::Random && !is_code)
                    || (is_npm && assignment == Assignment::Tight && !is_plain_word(text));
            }
            NameKind::Pwd => {
                let follows = self.line[value.end..].starts_with(';');
                // A variable of that name, which is not a count.
                let is_variable = self.name == "PASS" && randomness(text) > Randomness::Ordinary;
                // `mount -o user=ann,pass=x`, and `pwd: "x"` beside a user.
                let is_pair = self.before.ends_with(',') && !text.contains('/');
                if is_quoted && self.before.contains("user:") && !text.contains('/') {
                    return true;
                }
                return assignment == Assignment::Tight
                    && (self.before.trim_end().ends_with(';')
                        || is_variable
                        || is_pair
                        || (follows && self.line[value.end..].contains('=')));
            }
            NameKind::Signature => {
                return assignment == Assignment::Tight
                    && text.len() >= 16
                    && self.before.ends_with(['?', '&']);
            }
            NameKind::Key => return randomness(text) == Randomness::Random && !is_code,
            NameKind::Password | NameKind::Token => {}
        }
        if is_plain_word(text.trim_end_matches([';', ',', '.', ')', ']', ':']))
            || (is_numeric(text) && !self.is_number_secret(text, assignment))
        {
            return false;
        }
        match assignment {
            // Docker names a secret by its parts.
            Assignment::Flag if text.starts_with('-') || is_part(text) => false,
            _ if is_quoted => self.is_quoted_secret(assignment, text, value),
            Assignment::Tight => {
                let is_flag = self.name.starts_with('-');
                self.is_upper() || self.is_sure || is_flag || !self.is_code(text)
            }
            Assignment::Flag => {
                let is_name = self.name == "--secret" && classify(text).is_some();
                !text.starts_with(['[', '(', '{', '|']) && !is_name && !self.is_prose(text, value)
            }
            Assignment::Words => true,
            Assignment::Arrow => randomness(text) == Randomness::Random && !self.is_code(text),
            Assignment::Loose => self.is_loose_secret(text, value),
        }
    }

    /// Whether a value without quotes begins a placeholder of several words: `<session token>`, `$(cat file)`.
    fn is_open_placeholder(&self, value: &Span) -> bool {
        let rest = &self.line[value.range.start..];
        if rest.starts_with("$(") {
            return rest.bytes().take(MAX_COMMAND).any(|b| b == b')');
        }
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '\'');
        let inner = rest
            .strip_prefix('<')
            .map(|rest| rest.trim_start_matches(is_inner));
        inner.is_some_and(|behind| behind.starts_with('>'))
    }

    /// Whether JSON or the like begins, not in quotes. Its own names say what is secret.
    fn is_structure(&self, value: &Span) -> bool {
        let text = &self.line[value.range.start..];
        let inner = text.trim_start_matches(['{', '[', ' ', '\\']);
        value.quote.is_none() && text.starts_with(['{', '[']) && inner.starts_with(['"', '\''])
    }

    /// In quotes nearly everything is a value. A message may quote a word behind a colon.
    fn is_quoted_secret(&self, assignment: Assignment, text: &str, value: &Span) -> bool {
        let is_assigned = self.stands_alone || assignment != Assignment::Loose || !self.has_colon();
        if is_assigned && value.quote != Some(b'`') {
            return true;
        }
        randomness(text) > Randomness::Ordinary
    }

    /// `name: value` and `name = value` also stand in messages and in code.
    fn is_loose_secret(&self, text: &str, value: &Span) -> bool {
        if text.starts_with(['(', '{', '[', '<', '|', '>', '&', '*', '!']) || self.is_code(text) {
            return false;
        }
        let rest = self.line[value.end..].trim_start();
        let is_last = rest.is_empty()
            || rest.starts_with("=>")
            || rest.starts_with(['#', ',', '}', ')', ']', ';', '|', '"', '\'', '\\', '&', '-']);
        let is_program = self.name == self.name.to_ascii_lowercase()
            && self.name.ends_with("passwd")
            && !is_last;
        match (randomness(text), self.kind) {
            (Randomness::Random, _) => true,
            (Randomness::Doubtful, NameKind::Password) => !is_program,
            (Randomness::Doubtful, _) => self.stands_alone && is_last,
            (Randomness::Ordinary, NameKind::Password) => {
                self.stands_alone && is_last && !text.contains(['/', '(', '.']) && text.len() > 2
            }
            (Randomness::Ordinary, _) => {
                self.stands_alone
                    && is_last
                    && text.len() >= 20
                    && !text.contains(['/', '(', '.', ':', '-', '_'])
            }
        }
    }

    /// Whether a flag stands in a sentence: `--password via the command line`.
    fn is_prose(&self, text: &str, value: &Span) -> bool {
        let next = self.line[value.end..]
            .trim_start()
            .split(' ')
            .next()
            .unwrap_or_default();
        text.bytes().all(|b| b.is_ascii_lowercase()) && is_plain_word(next)
    }

    /// Whether a number may be a secret: a long one, or a password of digits.
    fn is_number_secret(&self, text: &str, assignment: Assignment) -> bool {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
        let is_password = self.kind == NameKind::Password;
        let least = match assignment {
            Assignment::Tight | Assignment::Words | Assignment::Flag
                if is_password || self.is_upper() =>
            {
                3
            }
            Assignment::Tight | Assignment::Words | Assignment::Flag => 6,
            Assignment::Loose | Assignment::Arrow if is_password => 4,
            Assignment::Loose | Assignment::Arrow => 12,
        };
        text.len() >= least
    }

    pub(super) fn is_word_of_doubtful_kind(&self, text: &str) -> bool {
        let is_doubtful = matches!(
            self.kind,
            NameKind::Key | NameKind::Auth | NameKind::Pwd | NameKind::Signature
        );
        is_doubtful && randomness(text) != Randomness::Random
    }

    pub(super) fn is_code(&self, text: &str) -> bool {
        let name = self.name.trim_start_matches('-');
        is_code(text, name.rsplit('.').next().unwrap_or(name))
    }

    fn is_upper(&self) -> bool {
        !self.name.bytes().any(|b| b.is_ascii_lowercase())
    }

    fn has_colon(&self) -> bool {
        self.line[self.end..]
            .trim_start_matches(['"', '\'', '\\', ']', ' '])
            .starts_with(':')
    }
}

/// Whether a value says where a secret is: `id=npm,src=.npmrc`.
fn is_part(text: &str) -> bool {
    text.starts_with("id=") || text.starts_with("type=")
}

/// Whether a value is the public fingerprint of a key.
fn is_fingerprint(text: &str) -> bool {
    [
        "SHA256:", "MD5:", "sha256:", "sha256-", "sha384-", "sha512-",
    ]
    .iter()
    .any(|prefix| text.starts_with(prefix))
}
