//! The command line of the command, and how it is started: as a shell would, with a shell's exit codes.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use log_writer::{Echo, LogWriter, RunError, Running, SpawnOptions};
use rustix::io::Errno;
use tokio::process::Command;

use crate::environment::Environment;
use crate::exit::Failure;
use crate::signals::CommandGroup;

/// How much of a file says what kind of program it is.
const HEAD_BYTES: u64 = 256;

/// A command and its arguments.
pub(super) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
}

/// What the beginning of a file says.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// A script that names its interpreter.
    Script { interpreter: String },
    /// A text without an interpreter, which a shell runs itself.
    Text,
    /// A program in machine code, or anything else.
    Binary,
}

impl Program {
    /// `None` without words.
    pub(super) fn new(words: Vec<OsString>) -> Option<Self> {
        let mut words = words.into_iter();
        Some(Self {
            name: words.next()?,
            arguments: words.collect(),
        })
    }

    pub(super) fn name(&self) -> String {
        self.name.display().to_string()
    }

    /// Starts the program, with one pipe for both outputs if they are merged. A script without `#!` is run by `sh`.
    pub(super) fn start(
        &self,
        writer: &LogWriter,
        env: Environment,
        group: CommandGroup,
        is_merged: bool,
    ) -> Result<Running, Failure> {
        let error = match spawn(writer, self.command(env), group, is_merged) {
            Ok(running) => return Ok(running),
            Err(error) => error,
        };
        let path = env.find_program(&self.name);
        let is_text = || {
            path.as_deref()
                .and_then(kind_of)
                .is_some_and(|kind| kind == Kind::Text)
        };
        if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error())
            && is_text()
            && let Some(path) = &path
        {
            let mut shell = Self::prepare("sh", env);
            shell.arg(path).args(&self.arguments);
            return spawn(writer, shell, group, is_merged)
                .map_err(|error| self.failure(&error, None));
        }
        Err(self.failure(&error, path.as_deref()))
    }

    fn command(&self, env: Environment) -> Command {
        let mut command = Self::prepare(&self.name, env);
        command.args(&self.arguments);
        command
    }

    /// A command that does not inherit joblog's own variables.
    fn prepare(program: impl AsRef<std::ffi::OsStr>, env: Environment) -> Command {
        let mut command = Command::new(program);
        for name in env.own_names() {
            command.env_remove(name);
        }
        command
    }

    /// Why the program did not start, with the exit code of a shell.
    fn failure(&self, error: &io::Error, path: Option<&Path>) -> Failure {
        let name = self.name();
        let cannot_start =
            |why: String| Failure::new(Failure::CANNOT_START, format_args!("{name}: {why}"));
        let Some(path) = path else {
            if error.kind() == io::ErrorKind::NotFound {
                let text = format_args!("{name}: command not found");
                return Failure::new(Failure::COMMAND_NOT_FOUND, text);
            }
            return cannot_start(plain(error));
        };
        if path.is_dir() {
            return cannot_start("it is a folder".into());
        }
        match (error.kind(), kind_of(path)) {
            (io::ErrorKind::NotFound, Some(Kind::Script { interpreter })) => {
                let hint = if interpreter.ends_with('\r') {
                    " (its lines end as on Windows)"
                } else {
                    ""
                };
                let interpreter = interpreter.trim_end();
                cannot_start(format!(
                    "the interpreter in its first line, `{interpreter}`, was not found{hint}"
                ))
            }
            (io::ErrorKind::NotFound, _) => {
                cannot_start("it is there, but the loader that it needs was not found".into())
            }
            _ if error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error()) => {
                cannot_start("it is no program for this machine".into())
            }
            _ => cannot_start(plain(error)),
        }
    }
}

fn spawn(
    writer: &LogWriter,
    command: Command,
    group: CommandGroup,
    is_merged: bool,
) -> Result<Running, io::Error> {
    let mut options = SpawnOptions::from(Echo::to(tokio::io::stdout(), tokio::io::stderr()));
    if is_merged {
        options = options.merged();
    }
    let started = match group {
        CommandGroup::Shared => writer.spawn(command, options),
        CommandGroup::Own => writer.spawn_group(command, options),
    };
    started.map_err(|error| match error {
        RunError::Spawn(error) | RunError::Wait(error) => error,
        error => io::Error::other(error),
    })
}

/// The text of an error without the number that Rust adds.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// The kind of a file. `None` if it cannot be read.
fn kind_of(path: &Path) -> Option<Kind> {
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(kind_of_head(&head))
}

fn kind_of_head(head: &[u8]) -> Kind {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Some(line) = first.strip_prefix(b"#!") {
        let line = String::from_utf8_lossy(line);
        let words = line.trim_start_matches([' ', '\t']);
        let interpreter = words.split([' ', '\t']).next().unwrap_or_default();
        return Kind::Script {
            interpreter: interpreter.to_owned(),
        };
    }
    if first.contains(&0) {
        Kind::Binary
    } else {
        Kind::Text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_file_is_known_by_its_first_line() {
        let script = |interpreter: &str| Kind::Script {
            interpreter: interpreter.to_owned(),
        };
        for (head, kind) in [
            (&b"#!/bin/sh\necho"[..], script("/bin/sh")),
            (b"#! /usr/bin/env python3\n", script("/usr/bin/env")),
            (b"#!/bin/sh\r\necho", script("/bin/sh\r")),
            (b"#!", script("")),
            (b"echo hello\n", Kind::Text),
            (b"", Kind::Text),
            (b"\x7fELF\x02\x01\x01\0\0", Kind::Binary),
            (b"text\nthen\0binary", Kind::Text),
        ] {
            assert_eq!(kind_of_head(head), kind, "{head:?}");
        }
    }

    #[test]
    fn an_error_of_the_system_is_shown_without_its_number() {
        let error = io::Error::from_raw_os_error(13);
        assert_eq!(plain(&error), "Permission denied");
        assert_eq!(plain(&io::Error::other("any other")), "any other");
    }
}
