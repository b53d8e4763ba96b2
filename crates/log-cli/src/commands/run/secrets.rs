//! What must not appear in the log: the values of variables, and the content of files.

use std::fs;
use std::path::Path;

use log_writer::{Redaction, RedactionBuilder, SecretError};

use crate::args::SecretArgs;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::terminal::Terminal;

/// Variables whose names say that their values are secrets.
const DEFAULT_SECRETS: [&str; 14] = [
    "*_TOKEN",
    "*_SECRET",
    "*PASSWORD",
    "*_PASSWD",
    "*_PASSPHRASE",
    "*_PASS",
    "*_PWD",
    "*_API_KEY",
    "*_KEY",
    "*_CREDENTIALS",
    "TOKEN",
    "SECRET",
    "API_KEY",
    "APIKEY",
];

/// Collects what must not appear in the log. A value that would be found everywhere is reported, and not hidden.
pub(super) fn redaction(
    args: &SecretArgs,
    env: Environment,
    terminal: &mut Terminal,
) -> Result<Redaction, Failure> {
    let mut secrets = Secrets {
        redaction: Redaction::builder(),
        registered: Vec::new(),
        terminal,
    };
    for name in &args.secret_env {
        if name.contains(['*', '?']) {
            secrets.matching(name, env);
        } else {
            secrets.named(name, env)?;
        }
    }
    for file in &args.secret_file {
        secrets.file(file)?;
    }
    if !args.no_default_secrets {
        secrets.defaults(env)?;
    }
    secrets.redaction.build().map_err(Failure::usage)
}

struct Secrets<'a> {
    redaction: RedactionBuilder,
    /// The variables that were looked at.
    registered: Vec<String>,
    terminal: &'a mut Terminal,
}

impl Secrets<'_> {
    /// A variable that was named.
    fn named(&mut self, name: &str, env: Environment) -> Result<(), Failure> {
        let Some(value) = env.get_exact(name)? else {
            let text = format_args!("--secret-env {name}: this variable is not set");
            return Err(Failure::usage(text));
        };
        if value.trim().is_empty() {
            self.terminal.message(format_args!(
                "--secret-env {name}: this variable is empty, so there is nothing to hide"
            ));
            return Ok(());
        }
        self.add(name, &value)
            .map_err(|error| Failure::usage(format_args!("--secret-env {name}: {error}")))
    }

    /// The variables whose names match a pattern.
    fn matching(&mut self, pattern: &str, env: Environment) {
        let mut found = false;
        for (name, value) in env.variables() {
            if !matches(pattern, &name) {
                continue;
            }
            found = true;
            if let Err(error) = self.add(&name, &value) {
                self.not_hidden(&name, error);
            }
        }
        if !found {
            self.terminal.message(format_args!(
                "--secret-env '{pattern}': no variable has such a name, so there is nothing to hide"
            ));
        }
    }

    /// The variables whose names say that they are secrets. Some of them have the path of a file with the secret.
    fn defaults(&mut self, env: Environment) -> Result<(), Failure> {
        for (name, value) in env.variables() {
            let upper = name.to_ascii_uppercase();
            let is_secret = DEFAULT_SECRETS
                .iter()
                .any(|pattern| matches(pattern, &upper));
            if !is_secret || (value.contains('/') && Path::new(&value).exists()) {
                continue;
            }
            if let Err(error) = self.add(&name, &value) {
                self.not_hidden(&name, error);
            }
        }
        Ok(())
    }

    /// A file: its content, its lines, and the values in it.
    fn file(&mut self, file: &Path) -> Result<(), Failure> {
        let name = file.display();
        let content = fs::read(file)
            .map_err(|error| Failure::usage(format_args!("--secret-file {name}: {error}")))?;
        let content = String::from_utf8_lossy(&content);
        if content.trim().is_empty() {
            self.terminal.message(format_args!(
                "--secret-file {name}: the file is empty, so there is nothing to hide"
            ));
            return Ok(());
        }
        let skipped = self.redaction.add_lines(&content);
        let skipped = skipped
            .map_err(|error| Failure::usage(format_args!("--secret-file {name}: {error}")))?;
        for (line, error) in skipped {
            self.terminal.message(format_args!(
                "--secret-file {name}: line {line} is not hidden: {error}"
            ));
        }
        Ok(())
    }

    /// Registers the value of a variable, once. Reports one that would be found everywhere.
    fn add(&mut self, name: &str, value: &str) -> Result<(), SecretError> {
        if value.trim().is_empty() || self.registered.iter().any(|known| known == name) {
            return Ok(());
        }
        self.registered.push(name.to_owned());
        match self.redaction.add(value) {
            Err(error @ (SecretError::TooShort { .. } | SecretError::Common)) => {
                self.not_hidden(name, error);
                Ok(())
            }
            other => other,
        }
    }

    fn not_hidden(&mut self, name: &str, error: SecretError) {
        self.terminal
            .message(format_args!("the value of {name} is not hidden: {error}"));
    }
}

/// Whether a name matches a pattern: `*` is any text, `?` is any character.
fn matches(pattern: &str, name: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return name.is_empty();
    };
    let rest = &pattern[first.len_utf8()..];
    if first == '*' {
        let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
        return ends.any(|at| matches(rest, &name[at..]));
    }
    let mut chars = name.chars();
    chars.next().is_some_and(|c| first == '?' || first == c) && matches(rest, chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_names() {
        for (pattern, name) in [
            ("*_TOKEN", "NPM_TOKEN"),
            ("*", ""),
            ("A*B*C", "AxxBxC"),
            ("?_KEY", "A_KEY"),
            ("TOKEN", "TOKEN"),
            ("*PASSWORD", "PGPASSWORD"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*_TOKEN", "NPM_TOKENS"),
            ("*_TOKEN", "TOKEN"),
            ("?_KEY", "AB_KEY"),
            ("TOKEN", "MY_TOKEN"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
