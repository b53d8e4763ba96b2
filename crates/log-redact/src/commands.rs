//! Passwords on the command lines of programs that have their own way to take one: `curl -u user:password`, `mysql -pV`.

mod known;

use std::ops::Range;

use self::known::Takes;
pub(crate) use self::known::{COMMANDS, Command};
use crate::names::is_name_byte;
use crate::ranges::Ranges;
use crate::span::{Ends, floor, span};
use crate::tokens::starts_word;
use crate::value::{is_placeholder, is_plain_word};

/// How a word of a command line ends: as in a shell.
const WORD: Ends = Ends {
    separator: None,
    double: false,
    single: false,
    whole: false,
    shell: true,
};

/// The words behind the name of a program, one after the other.
struct Words<'a> {
    line: &'a str,
    /// Where the next word begins.
    at: usize,
    /// Whether they are texts of a list: `['curl', '-u', 'ann:hunter2']`.
    is_list: bool,
    /// The word before, and how many of the words before are no options.
    last: &'a str,
    places: usize,
}

/// A word of a command line.
struct Word<'a> {
    text: &'a str,
    /// Where the text begins.
    at: usize,
    ends: Ends,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<Word<'a>> {
        let rest = &self.line[self.at..];
        let is_between = |c: char| c.is_whitespace() || (self.is_list && c == ',');
        self.at += rest.len() - rest.trim_start_matches(is_between).len();
        let word = span(self.line, self.at, WORD);
        let (range, ends) = match word.quote {
            Some(quote) if self.is_list => {
                let ends = Ends {
                    double: quote == b'"',
                    single: quote == b'\'',
                    whole: true,
                    ..WORD
                };
                (word.range, ends)
            }
            _ if self.is_list => return None,
            _ => (self.at..word.end, WORD),
        };
        let text = &self.line[range.clone()];
        if self.at >= self.line.len() || matches!(text, "" | "|" | "||" | "&&" | "&" | ";") {
            return None;
        }
        let at = range.start;
        self.at = word.end.max(self.at + 1);
        while !self.line.is_char_boundary(self.at) {
            self.at += 1;
        }
        Some(Word { text, at, ends })
    }
}

/// Adds the passwords on the command line of a program whose name begins at a place and ends at another. Returns the place
/// behind it.
pub(crate) fn hide_password(
    line: &str,
    (start, end): (usize, usize),
    command: &Command,
    hidden: &mut Ranges,
) -> usize {
    let mut at = end;
    if !starts_word(line, start, false) {
        return at;
    }
    let mut is_list = line[..end].ends_with(['"', '\'']);
    if !command.program.ends_with(' ') && !is_list {
        // The rest of the name: `mysqldump`, `mysql.exe`.
        let is_name = |b: &u8| !b.is_ascii_whitespace() && !matches!(b, b'"' | b'\'');
        at += line[at..].bytes().take_while(is_name).count();
        is_list = line[at..].starts_with(['"', '\'']);
        at += usize::from(is_list);
    }
    let mut words = Words {
        line,
        at,
        is_list,
        last: "",
        places: 0,
    };
    let mut has_letter = false;
    let mut last = None;
    while let Some(word) = words.next() {
        if has_letter && word.text.starts_with(['>', '<']) {
            break;
        }
        words.places += usize::from(!word.text.starts_with('-'));
        for (option, takes) in command.options {
            if let Takes::Last(letter) = takes {
                has_letter |= is_short_option(word.text, *letter);
            }
            if let Some(password) = password(line, &word, &words, option, *takes) {
                hidden.add(password);
            }
        }
        words.last = word.text;
        let is_end = word.text.ends_with(';');
        last = Some(word);
        if is_end {
            break;
        }
    }
    if let Some(word) = last.filter(|word| has_letter && words.places > 1 && is_secret(word.text)) {
        hidden.add(span(line, word.at, word.ends).range);
    }
    words.at
}

/// Whether an option is one of several letters behind one `-`, among them this one.
fn is_short_option(text: &str, letter: char) -> bool {
    let letters = text.strip_prefix('-').unwrap_or_default();
    letters.bytes().all(|b| b.is_ascii_alphabetic()) && letters.contains(letter)
}

/// The password in a word, if the option before it, or the option that it begins with, takes one.
fn password(
    line: &str,
    word: &Word<'_>,
    words: &Words<'_>,
    option: &str,
    takes: Takes,
) -> Option<Range<usize>> {
    let Word { text, at, ends } = *word;
    let last = words.last;
    let own = text.strip_prefix(option);
    // `-fsSLu ann:x`
    let is_bundled = option.len() == 2
        && last.ends_with(&option[1..])
        && is_short_option(last, option.chars().next_back().unwrap_or_default());
    let value = match takes {
        Takes::Attached => at + own.filter(|own| !own.is_empty()).map(|_| option.len())?,
        // `--user=ann:x`, `-uann:x`
        Takes::Login(_) | Takes::Next if own.is_some_and(|own| own.starts_with('=')) => {
            at + option.len() + 1
        }
        Takes::Login(_) if option.len() == 2 && own.is_some_and(|own| !own.is_empty()) => {
            at + option.len()
        }
        Takes::Login(_) | Takes::Next if last == option => at,
        Takes::Login(_) if is_bundled => at,
        Takes::Quoted if last == option && line[at..].starts_with('\'') => at,
        Takes::Quoted if last == "BY" && option == "BY" && line[at..].starts_with('"') => at,
        Takes::Place(place)
            if words.places == place && !text.starts_with('-') && !last.starts_with('-') =>
        {
            at
        }
        Takes::Pairs => {
            let name = text.bytes().take_while(|b| is_name_byte(*b)).count();
            let is_pair = name > 0 && text[name..].starts_with('=');
            is_pair.then_some(at + name + 1)?
        }
        Takes::Login(_) | Takes::Next | Takes::Quoted | Takes::Place(_) | Takes::Last(_) => {
            return None;
        }
    };
    let value = span(line, value, ends).range;
    let text = &line[value.clone()];
    if let Takes::Login(separator) = takes {
        let (user, password) = text.split_once(separator)?;
        let from = value.start + user.len() + separator.len_utf8();
        // `user/password@host` of Oracle. An address is no login.
        let len = match separator {
            '/' => password.find('@').unwrap_or(password.len()),
            _ => password.len(),
        };
        let is_login = !password.starts_with("//") && !user.starts_with('@');
        return (is_login && is_secret(&password[..len])).then_some(from..from + len);
    }
    let is_value = is_secret(text) && !text.starts_with('-');
    is_value.then_some(value)
}

/// The password behind `pass:`, if an option of OpenSSL takes it: `-passin pass:x`, `-k pass:x`.
pub(crate) fn pass_phrase(line: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let before = line[..start]
        .trim_end_matches(['"', '\''])
        .trim_end_matches([' ', '=', '\t']);
    let options = ["-passin", "-passout", "-pass", "-passwd"];
    if !options.iter().any(|option| before.ends_with(option)) {
        return None;
    }
    let quote = line[..start].bytes().next_back();
    let ends = Ends {
        double: quote == Some(b'"'),
        single: quote == Some(b'\''),
        ..WORD
    };
    let value = span(line, end, ends).range;
    is_secret(&line[value.clone()]).then_some(value)
}

/// The most bytes between a text that is printed and the program that reads it.
const MAX_PIPE: usize = 512;

/// The text that is printed into a program which reads a password: `echo hunter2 | docker login --password-stdin`. `at` is a
/// place behind the pipe.
pub(crate) fn piped(line: &str, at: usize) -> Option<Range<usize>> {
    let view = floor(line, at.saturating_sub(MAX_PIPE));
    let before = &line[view..at];
    let end = view + before.rfind('|')?;
    let printers = ["echo ", "printf "];
    let begin = |program: &&str| Some(line[view..end].rfind(*program)? + program.len());
    let mut from = view + printers.iter().filter_map(begin).max()?;
    let end = line[..end].trim_end().len();
    while from < end {
        from += line[from..].len() - line[from..].trim_start().len();
        let word = span(line, from, WORD);
        let text = &line[word.range.clone()];
        if text.starts_with('-') || text.trim_end_matches("\\n") == "%s" {
            from = word.end.max(from + 1);
            continue;
        }
        // One word in its quotes, or all words.
        let value = if word.end >= end {
            word.range
        } else {
            from..end
        };
        let is_there = value.start < value.end && value.end <= end;
        return (is_there && is_secret(&line[value.clone()])).then_some(value);
    }
    None
}

/// The value behind `--from-literal`, with which a secret of Kubernetes is made: `--from-literal=name=value`. `end` is the
/// place behind the option.
pub(crate) fn literal(line: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let view = floor(line, start.saturating_sub(MAX_PIPE));
    let is_of_secret = line[view..start].contains("secret ");
    let rest = line[end..].strip_prefix(['=', ' '])?;
    let rest = rest.trim_start_matches(['"', '\'']);
    let name = rest.bytes().take_while(|b| is_name_byte(*b)).count();
    let value = rest[name..].strip_prefix('=')?;
    let quote = line[..line.len() - rest.len()].bytes().next_back();
    let ends = Ends {
        double: quote == Some(b'"'),
        single: quote == Some(b'\''),
        ..WORD
    };
    let value = span(line, line.len() - value.len(), ends).range;
    (is_of_secret && is_secret(&line[value.clone()])).then_some(value)
}

fn is_secret(text: &str) -> bool {
    !text.is_empty() && !is_placeholder(text) && !is_plain_word(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let mut hidden = Ranges::default();
        patterns::find(line, false, &mut hidden);
        let found: Vec<_> = hidden
            .merged()
            .into_iter()
            .map(|range| &line[range])
            .collect();
        assert_eq!(found.join(" "), expected, "{line}");
    }

    #[test]
    fn passwords_on_known_command_lines_are_hidden() {
        check("+ curl -fsS -u ann:hunter2 https://h/x", "hunter2");
        check("curl --user 'ann:it is' -X POST h", "it is");
        check(
            "curl -uann:hunter2 h && curl --proxy-user=b:pw9 h",
            "hunter2 pw9",
        );
        check("$ mysql -h db -u root -phunter2 app", "hunter2");
        check(
            "/usr/bin/mysqldump --single -p'hunter 2' app > x",
            "hunter 2",
        );
        check("sshpass -p hunter2 ssh ann@h", "hunter2");
        check("redis-cli -h r -a hunter2 ping", "hunter2");
        check("docker login -u ann -p hunter2 registry.io", "hunter2");
        check(
            "skopeo copy --src-creds=ann:hunter2 docker://x y",
            "hunter2",
        );
        check("openssl rsa -passin pass:hunter2 -in k.pem", "hunter2");
        check(
            "openssl pkcs12 -export -passout \"pass:hunter2\" -in k",
            "hunter2",
        );
        check("create user ann identified by 'hunter2'", "hunter2");
        check("ALTER USER ann IDENTIFIED BY 'hunter2';", "hunter2");
        check("openssl enc -aes-256-cbc -k hunter2 -in a", "hunter2");
        check("smbclient //h/s -U ann%hunter2", "hunter2");
    }

    #[test]
    fn command_lines_without_a_password_are_shown() {
        for line in [
            "curl -u ann https://h:8080/x",
            "curl -u $USER:$PASS h",
            "curl -u \"ann:${PASSWORD}\" h",
            "curl: (22) The requested URL returned error: 404",
            "mysql -u root -p app",
            "mysql -P 3306 --protocol tcp",
            "Setting up mysql-server (8.0.36) ...",
            "docker login -p $TOKEN registry.io",
            "docker run -p 8080:80 nginx",
            "mongo -p",
            "zip -r out.zip -P",
            "openssl rsa -passin env:KEY -in k.pem",
            "Tests pass: 12 of 12",
            "sshpass -e ssh ann@h; mkdir -p /x/y9",
            "mysql --version | tee -p9x",
        ] {
            check(line, "");
        }
    }
}
