//! Passwords on the command lines of programs that have their own way to take one: `curl -u user:password`, `mysql -pV`.

use std::ops::Range;

use crate::names::is_name_byte;
use crate::ranges::Ranges;
use crate::span::{Ends, floor, span};
use crate::tokens::starts_word;
use crate::value::{is_placeholder, is_plain_word};

/// A program, and the options in which it takes a password.
#[derive(Debug)]
pub(crate) struct Command {
    /// The name. A name that ends with a space is a whole word.
    pub(crate) program: &'static str,
    options: &'static [(&'static str, Takes)],
}

/// How an option takes a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// `-p password`
    Next,
    /// `BY 'password'`, in quotes
    Quoted,
    /// `-ppassword`, and nothing in the next word.
    Attached,
    /// `-u user:password`
    Login(char),
    /// The first word that is no option.
    First,
    /// Each word `NAME=value`.
    Pairs,
}

const fn command(program: &'static str, options: &'static [(&'static str, Takes)]) -> Command {
    Command { program, options }
}

/// The programs that are known. The examples in `HIDDEN.md` are checked.
pub(crate) const COMMANDS: &[Command] = {
    use Takes::{Attached, First, Login, Next, Pairs, Quoted};
    const DATABASE: &[(&str, Takes)] = &[("-p", Attached)];
    const LOGIN: &[(&str, Takes)] = &[("-p", Next)];
    const CREDS: &[(&str, Takes)] = &[
        ("--creds", Login(':')),
        ("--src-creds", Login(':')),
        ("--dest-creds", Login(':')),
    ];
    &[
        command(
            "curl ",
            &[
                ("-u", Login(':')),
                ("--user", Login(':')),
                ("-U", Login(':')),
                ("--proxy-user", Login(':')),
                ("-E", Login(':')),
                ("--cert", Login(':')),
                ("--pass", Next),
                ("--oauth2-bearer", Next),
                ("-b", Login('=')),
            ],
        ),
        command("http ", &[("-a", Login(':')), ("--auth", Login(':'))]),
        command("mysql", DATABASE),
        command("mariadb", DATABASE),
        command("mongo", LOGIN),
        command("sshpass ", &[("-p", Next), ("-p", Attached)]),
        command("redis-cli ", &[("-a", Next), ("--pass", Next)]),
        command("sqlcmd ", &[("-P", Next), ("-P", Attached)]),
        command("docker login ", LOGIN),
        command("podman login ", LOGIN),
        command("registry login ", LOGIN),
        command("az login ", LOGIN),
        command("oc login ", LOGIN),
        command("twine upload ", LOGIN),
        command("skopeo ", CREDS),
        command("buildah ", CREDS),
        command("lftp ", &[("-u", Login(','))]),
        command("smbclient ", &[("-U", Login('%'))]),
        command("ldapsearch ", &[("-w", Next)]),
        command("ldapmodify ", &[("-w", Next)]),
        command("ldapadd ", &[("-w", Next)]),
        command("zip ", &[("-P", Next)]),
        command("identified ", &[("BY", Quoted), ("by", Quoted)]),
        command("openssl ", &[("-k", Next), ("-K", Next)]),
        command("7z ", &[("-p", Attached)]),
        command("set password ", &[("=", Quoted)]),
        command("unlock-keychain ", LOGIN),
        command("create-keychain ", LOGIN),
        command("set-key-partition-list ", &[("-k", Next)]),
        command("security import ", &[("-P", Next)]),
        command("signtool ", &[("/p", Next)]),
        command("plink ", &[("-pw", Next)]),
        command("pscp ", &[("-pw", Next)]),
        command(
            "convertto-securestring ",
            &[
                ("", First),
                ("-String", Next),
                ("-AsPlainText", Next),
                ("-Force", Next),
            ],
        ),
        command("secrets set ", &[("", Pairs)]),
        command("secret set ", &[("--body", Next), ("-b", Next)]),
    ]
};

/// How a word of a command line ends: as in a shell.
const WORD: Ends = Ends {
    separator: None,
    double: false,
    single: false,
    whole: false,
    shell: true,
};

/// Adds the passwords on the command line of a program whose name begins at a place. Returns the place behind it.
pub(crate) fn hide_password(
    line: &str,
    start: usize,
    command: &Command,
    hidden: &mut Ranges,
) -> usize {
    let is_program = starts_word(line, start, false);
    let mut at = start + command.program.len();
    if !is_program {
        return at;
    }
    if !command.program.ends_with(' ') {
        // The rest of the name: `mysqldump`, `mysql.exe`.
        at += line[at..]
            .bytes()
            .take_while(|b| !b.is_ascii_whitespace())
            .count();
    }
    let mut last = "";
    while at < line.len() {
        at += line[at..].len() - line[at..].trim_start().len();
        let word = span(line, at, WORD);
        let text = &line[at..word.end];
        if text.is_empty() || matches!(text, "|" | "||" | "&&" | "&" | ";") {
            break;
        }
        for (option, takes) in command.options {
            if let Some(password) = password(line, at, last, option, *takes) {
                hidden.add(password);
            }
        }
        last = text;
        at = word.end.max(at + 1);
        if text.ends_with(';') {
            break;
        }
        while !line.is_char_boundary(at) {
            at += 1;
        }
    }
    at
}

/// The password in the word at a place, if the option before it, or the option that it begins with, takes one.
fn password(line: &str, at: usize, last: &str, option: &str, takes: Takes) -> Option<Range<usize>> {
    let word = span(line, at, WORD);
    let own = line[at..word.end].strip_prefix(option);
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
        Takes::Quoted if last == option && word.quote == Some(b'\'') => at,
        Takes::First if last.is_empty() => at,
        Takes::Pairs => {
            let name = line[at..word.end].bytes().take_while(|b| is_name_byte(*b));
            let name = name.count();
            let is_pair = name > 0 && line[at + name..].starts_with('=');
            is_pair.then_some(at + name + 1)?
        }
        Takes::Login(_) | Takes::Next | Takes::Quoted | Takes::First => return None,
    };
    let value = span(line, value, WORD).range;
    let text = &line[value.clone()];
    if let Takes::Login(separator) = takes {
        let (user, password) = text.split_once(separator)?;
        let from = value.start + user.len() + separator.len_utf8();
        return is_secret(password).then_some(from..value.end);
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
