//! Values that only a space separates from their names: `--token value`, `ENV NAME value`, `the password is value`.

use super::{Assignment, Named, blanks};
use crate::names::NameKind;
use crate::value::{Randomness, randomness};

/// Words before a name that say that its value follows: `using token …`.
const TELLERS: [&str; 7] = ["with", "using", "got", "invalid", "new", "your", "the"];

/// What stands before the colon of `password for user: …` if the name of a user follows.
const USERS: [&str; 5] = ["user", "username", "account", "email", "login"];

/// The most bytes of a message from the name to the value at its end.
const MAX_MESSAGE: usize = 256;

impl Named<'_> {
    /// How the value is tied to the name if there is no sign between them, and where it begins.
    pub(super) fn assignment_by_words(&self, is_quoted: bool) -> Option<(Assignment, usize)> {
        let spaces = blanks(self.line.as_bytes(), self.end);
        if spaces == 0 || is_quoted || self.end + spaces >= self.line.len() {
            return None;
        }
        let rest = &self.line[self.end + spaces..];
        let words = |value: &str| Some((Assignment::Words, self.line.len() - value.len()));
        if self.is_keyword(rest) {
            return words(rest);
        }
        if let Some(value) = self.generated(rest) {
            return words(value);
        }
        let told = rest.strip_prefix("is ");
        if let Some(value) = told.or_else(|| rest.strip_prefix("is: ")) {
            return self.is_told(value).then(|| words(value))?;
        }
        if self.name.starts_with('-') {
            // Two spaces stand in the table of a help text.
            let value = self.line.len() - rest.len();
            // A sentence ends with a name.
            return (spaces == 1 && !self.name.ends_with('.')).then_some((Assignment::Flag, value));
        }
        if let Some(value) = self.cell(rest) {
            return words(value);
        }
        (self.is_announced(rest) || self.is_in_netrc(rest)).then(|| words(rest))?
    }

    /// A name that is a word of a language: of SQL, Gradle, or Redis.
    fn is_keyword(&self, rest: &str) -> bool {
        let is_sql = self.kind == NameKind::Password
            && (rest.starts_with('\'') || (rest.starts_with('"') && self.name == "PASSWORD"))
            && self.name.eq_ignore_ascii_case("password");
        // Gradle: `storePassword 'x'`. Redis: `requirepass x`.
        let is_gradle = self.name.ends_with("Password") && rest.starts_with(['\'', '"']);
        // A sentence may have the names of Redis.
        let is_command = || {
            let before = self.before.trim_end().to_ascii_lowercase();
            before.is_empty() || before.ends_with("config set")
        };
        let is_redis = matches!(self.name, "requirepass" | "masterauth") && is_command();
        is_sql || is_gradle || is_redis
    }

    /// A message that tells a value: `the password is hunter2`.
    fn is_told(&self, value: &str) -> bool {
        let word = first_word(value);
        match self.kind {
            NameKind::Password => randomness(word) > Randomness::Ordinary,
            NameKind::Token | NameKind::Key => is_drawn(word),
            NameKind::Header
            | NameKind::Cookie
            | NameKind::Auth
            | NameKind::Pwd
            | NameKind::Signature => false,
        }
    }

    /// The password that a server has made up for a user: `A temporary password is generated for root@localhost: …`,
    /// `PASSWORD elastic = …`.
    fn generated<'r>(&self, rest: &'r str) -> Option<&'r str> {
        if self.kind != NameKind::Password || rest.len() > MAX_MESSAGE {
            return None;
        }
        let (head, value) = rest.rsplit_once(": ").or_else(|| rest.rsplit_once(" = "))?;
        let mut head_words = head.split_whitespace();
        let (first, second) = (head_words.next()?, head_words.next());
        let is_for_user = first == "for"
            && self.stands_alone
            && head_words.next().is_none()
            && second.is_some_and(|word| !USERS.contains(&word));
        let is_named = second.is_none() && rest.len() - head.len() - value.len() == 3;
        let is_told = is_for_user || is_named || head.split(' ').any(|word| word == "generated");
        let is_word = !value.trim_end().contains(char::is_whitespace);
        (is_told && is_word && randomness(value.trim_end()) == Randomness::Random).then_some(value)
    }

    /// The value in a table: `secret_id   841771dc-…`, `| SecretAccessKey | … |`.
    fn cell<'r>(&self, rest: &'r str) -> Option<&'r str> {
        let is_edge = |c: char| matches!(c, ' ' | '\t' | '|' | '│' | '┃' | '║');
        let is_name = match self.kind {
            NameKind::Password | NameKind::Token => true,
            NameKind::Key => self.name.starts_with("secret"),
            NameKind::Header
            | NameKind::Cookie
            | NameKind::Auth
            | NameKind::Pwd
            | NameKind::Signature => false,
        };
        if !is_name || !self.before.trim_matches(is_edge).is_empty() {
            return None;
        }
        let cell = rest.trim_start_matches(is_edge);
        let text = cell.trim_end_matches(is_edge);
        (!text.contains(is_edge) && is_drawn(text)).then_some(cell)
    }

    /// Whether the words before a name say that its value follows, or the value says so itself.
    fn is_announced(&self, rest: &str) -> bool {
        // The word before the one that the name is in: `npm config set //host/:_authToken …`.
        let space = self.before.rfind([' ', '\t']);
        let head = space.map_or("", |at| &self.before[..at]).trim_end();
        let is_edge = |c: char| matches!(c, ' ' | '\t' | '"' | '\'');
        let word = head.rsplit(is_edge).next().unwrap_or_default();
        let is_setting = matches!(word, "ENV" | "setenv" | "set" | "-x" | "-gx" | "-Ux")
            || word.eq_ignore_ascii_case("setx");
        let is_teller = TELLERS.iter().any(|known| known.eq_ignore_ascii_case(word));
        // `secret_access_key wJalr…` on the command line of a program.
        let is_joined = self.kind == NameKind::Token && self.name.contains(['_', '-']);
        is_setting || ((is_teller || is_joined) && is_drawn(first_word(rest)))
    }

    /// Whether the name is one of a netrc file: `machine h login ann password x`.
    fn is_in_netrc(&self, rest: &str) -> bool {
        if self.name != "password" {
            return false;
        }
        let is_line = ["login ", "machine "]
            .iter()
            .any(|word| self.before.contains(word));
        let is_alone = self.before.trim().is_empty() && !rest.trim_end().contains(' ');
        is_line || (is_alone && randomness(rest.trim_end()) > Randomness::Ordinary)
    }
}

/// The first word of a text, without its quotes.
fn first_word(text: &str) -> &str {
    let text = text.trim_start_matches(['"', '\'']);
    let end = text.find([' ', '\t', '"', '\'']).unwrap_or(text.len());
    &text[..end]
}

/// Whether a text is a secret by its looks alone: it is long enough, and it has the digits of a hexadecimal number, or
/// letters of both cases with digits between them.
fn is_drawn(text: &str) -> bool {
    let text = text.trim_end_matches(['.', ',', ';', ':', ')']);
    let has = |is: fn(&u8) -> bool| text.bytes().any(|byte| is(&byte));
    let is_mixed =
        has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    text.len() >= 16 && (is_mixed || is_hex) && randomness(text) == Randomness::Random
}
