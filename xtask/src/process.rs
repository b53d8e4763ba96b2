//! Running other programs: cargo, docker, git, apt.
//!
//! Every program runs in the folder it is told or in the caller's, never through a shell.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use crate::clock;

/// Why a program did not do what it was started for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// It is not there, or may not be run.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command line, for people.
        command: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ran and said no. `said` is what it wrote on standard error where that was not shown.
    #[error("`{command}` failed ({status}){said}")]
    Exit {
        /// The command line, for people.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// A line break and its standard error, or nothing.
        said: String,
    },
    /// It was given a time and took more; it has been ended.
    #[error("`{command}` did not finish within {limit:?}")]
    Late {
        /// The command line, for people.
        command: String,
        /// The time it had.
        limit: Duration,
    },
}

/// A program to be run.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    folder: Option<PathBuf>,
}

impl Cmd {
    /// A program by name, as the PATH finds it.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            environment: Vec::new(),
            folder: None,
        }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable for the program.
    pub(crate) fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the folder that the program runs in.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it; what it writes goes straight to the terminal.
    pub(crate) fn run(&self) -> Result<(), RunError> {
        let status = self
            .prepared()
            .status()
            .map_err(|source| self.not_started(source))?;
        self.judged(status, &[])
    }

    /// Runs it and returns what it wrote on standard output. Its standard error is in the error.
    pub(crate) fn read(&self) -> Result<String, RunError> {
        let output: Output = self
            .prepared()
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.not_started(source))?;
        self.judged(output.status, &output.stderr)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it, showing what it writes, and ends it when `limit` has passed.
    pub(crate) fn run_within(&self, limit: Duration) -> Result<(), RunError> {
        let child = self.prepared().stdin(Stdio::null()).spawn();
        self.finished_within(child.map_err(|source| self.not_started(source))?, limit)
    }

    /// Whether it succeeds, silently and within `limit`: for questions such as "is docker there?".
    pub(crate) fn succeeds_within(&self, limit: Duration) -> bool {
        let child = self
            .prepared()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.is_ok_and(|child| self.finished_within(child, limit).is_ok())
    }

    /// Starts it and leaves it to the caller.
    pub(crate) fn start(&self) -> Result<Child, RunError> {
        self.prepared()
            .spawn()
            .map_err(|source| self.not_started(source))
    }

    /// Starts it with both ends of its standard streams here, for a server that ends when its input is closed.
    pub(crate) fn start_piped(&self) -> Result<Child, RunError> {
        self.prepared()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| self.not_started(source))
    }

    /// The program with an environment free of what `cargo run` put there for *this* one: build
    /// scripts that watch such a variable (ring's does) would otherwise run again on each change
    /// between `cargo xtask …` and plain `cargo …`.
    fn prepared(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (key, _) in std::env::vars_os() {
            if key.to_str().is_some_and(is_for_this_program_only) {
                command.env_remove(key);
            }
        }
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }

    fn finished_within(&self, mut child: Child, limit: Duration) -> Result<(), RunError> {
        let mut end = None;
        clock::wait_until(limit, || {
            end = child.try_wait().transpose();
            end.is_some()
        });
        match end {
            Some(Ok(status)) => self.judged(status, &[]),
            Some(Err(source)) => Err(self.not_started(source)),
            None => {
                // Both may fail only because it has ended meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                Err(RunError::Late {
                    command: self.to_string(),
                    limit,
                })
            }
        }
    }

    fn judged(&self, status: ExitStatus, stderr: &[u8]) -> Result<(), RunError> {
        if status.success() {
            return Ok(());
        }
        let said = match String::from_utf8_lossy(stderr).trim() {
            "" => String::new(),
            text => format!(":\n{text}"),
        };
        Err(RunError::Exit {
            command: self.to_string(),
            status,
            said,
        })
    }

    fn not_started(&self, source: io::Error) -> RunError {
        RunError::Start {
            command: self.to_string(),
            source,
        }
    }
}

/// The command line as somebody would type it.
impl fmt::Display for Cmd {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.environment {
            write!(out, "{}={} ", key.to_string_lossy(), quoted(value))?;
        }
        out.write_str(&quoted(&self.program))?;
        for arg in &self.args {
            write!(out, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Variables that cargo sets for the program it runs (the Cargo book, "Environment variables Cargo
/// sets for crates").
fn is_for_this_program_only(key: &str) -> bool {
    key.starts_with("CARGO_PKG_")
        || matches!(
            key,
            "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_BIN_NAME"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted_into_a_shell() {
        let cmd = Cmd::new("cargo")
            .args(["clippy", "--", "-D", "it's warnings"])
            .env("A", "b c");
        assert_eq!(
            cmd.to_string(),
            r"A='b c' cargo clippy -- -D 'it'\''s warnings'"
        );
    }

    #[test]
    fn a_failed_program_says_its_own_reason() {
        let error = Cmd::new("cargo").arg("no-such-command").read().unwrap_err();
        assert!(error.to_string().contains("no such command"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Cmd::new("no-such-program").arg("-x").run().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot start `no-such-program -x`"),
            "{error}"
        );
    }

    #[test]
    fn a_late_program_is_ended() {
        let watch = clock::Stopwatch::start();
        let sleeper = Cmd::new("sleep").arg("30");
        let error = sleeper.run_within(Duration::from_millis(200)).unwrap_err();
        assert!(matches!(error, RunError::Late { .. }), "{error}");
        assert!(watch.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn variables_of_this_program_are_not_handed_on() {
        // The test itself runs under cargo, which has set the variable.
        let seen = Cmd::new("env").read().unwrap();
        assert!(!seen.contains("CARGO_PKG_NAME="), "{seen}");
    }
}
