//! Lines on standard output: as text that cannot harm a terminal, or as JSON.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _, stdout};
use std::time::Duration;

use clap::ValueEnum;
use log_domain::Line;
use log_writer::{Ansi, LineAssembler, LineLimit, LineOptions};

use crate::environment::Environment;

/// When colours are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless the environment says no
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What stands before a line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Column {
    /// The line's id, a position to come back to
    Id,
    /// When the worker wrote it
    Ts,
    /// stdout, stderr or system
    Source,
    /// The part of the build
    Phase,
}

/// How lines are printed.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) json: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) color: Color,
}

/// Prints lines.
pub(crate) struct Show {
    out: BufWriter<Stdout>,
    json: bool,
    columns: Vec<Column>,
    colors: bool,
}

impl Show {
    pub(crate) fn new(style: Style, env: Environment) -> Self {
        let auto = || {
            let dumb = env.get("TERM").is_some_and(|term| term == "dumb");
            stdout().is_terminal() && env.get("NO_COLOR").is_none() && !dumb
        };
        let colors = match style.color {
            Color::Auto => auto(),
            Color::Always => true,
            Color::Never => false,
        };
        Self {
            out: BufWriter::new(stdout()),
            json: style.json,
            columns: style.columns,
            colors,
        }
    }

    /// Prints a line. A text that holds line ends is printed as several.
    pub(crate) fn line(&mut self, line: &Line) -> io::Result<()> {
        if self.json {
            let json = log_wire::line_json(line);
            let json = escaped(&String::from_utf8_lossy(&json));
            return writeln!(self.out, "{json}");
        }
        let text = line.text.as_deref().unwrap_or_default();
        for text in harmless(text, self.colors) {
            self.before(line)?;
            if self.colors {
                writeln!(self.out, "{}", colored(line.source.as_deref(), &text))?;
            } else {
                writeln!(self.out, "{text}")?;
            }
        }
        Ok(())
    }

    /// Lets what was printed be seen.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The columns before the text.
    fn before(&mut self, line: &Line) -> io::Result<()> {
        for column in &self.columns {
            let (value, width) = match column {
                Column::Id => (line.id.to_string(), 15),
                Column::Ts => (one_word(line.ts.as_deref()), 24),
                Column::Source => (one_word(line.source.as_deref()), 6),
                Column::Phase => (one_word(line.phase.as_deref()), 8),
            };
            write!(self.out, "{value:width$} ")?;
        }
        Ok(())
    }
}

/// Whether nobody reads standard output any more, which else only the next line would tell.
pub(crate) fn reader_has_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let out = stdout();
    let mut polled = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

/// The lines of a text, without what a terminal would obey, colours apart where they are wanted.
fn harmless(text: &str, colors: bool) -> Vec<String> {
    let options = LineOptions {
        // The line is shown as it was stored, however long.
        limit: LineLimit::Bytes(usize::MAX),
        ansi: if colors {
            Ansi::KeepColours
        } else {
            Ansi::Strip
        },
        ..LineOptions::default()
    };
    let mut lines = Vec::new();
    let mut assembler = LineAssembler::new(options);
    assembler.push(text.as_bytes(), Duration::ZERO, |line| lines.push(line));
    assembler.push(b"\n", Duration::ZERO, |line| lines.push(line));
    lines
}

/// A field for a column: it has no space, so that columns can be told apart.
fn one_word(field: Option<&str>) -> String {
    let field = field.unwrap_or("-");
    let visible = |c: char| {
        if c.is_control() || c.is_whitespace() {
            '_'
        } else {
            c
        }
    };
    field.chars().map(visible).collect()
}

/// Colours by source: what the command said on standard error, and what the producer said itself, stand out.
fn colored(source: Option<&str>, text: &str) -> String {
    const RESET: &str = "\x1b[0m";
    let color = match source {
        Some("stderr") => "\x1b[33m",
        Some("system") => "\x1b[36m",
        _ if text.contains('\x1b') => "",
        _ => return text.to_owned(),
    };
    format!("{color}{text}{RESET}")
}

/// JSON that says the same and holds no control character: a terminal obeys some that JSON does not escape.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_gone_and_colours_stay_where_wanted() {
        let text = "\x1b]0;title\x07a\x1b[31mb\x1b[0m\x1b[2Jc\u{9b}5md\0e";
        assert_eq!(harmless(text, false), ["abcde"]);
        assert_eq!(harmless(text, true), ["a\x1b[31mb\x1b[0mc\u{1b}[5mde"]);
    }

    #[test]
    fn a_text_of_several_lines_is_several_lines_and_an_empty_one_is_one() {
        assert_eq!(harmless("a\nb", false), ["a", "b"]);
        assert_eq!(harmless("10%\r99%", false), ["99%"]);
        assert_eq!(harmless("", false), [""]);
        let long = "x".repeat(100_000);
        assert_eq!(harmless(&long, false), [long]);
    }

    #[test]
    fn a_colour_ends_with_its_line() {
        assert_eq!(colored(Some("stdout"), "a"), "a");
        assert_eq!(colored(Some("stdout"), "\x1b[31ma"), "\x1b[31ma\x1b[0m");
        assert_eq!(colored(Some("stderr"), "a"), "\x1b[33ma\x1b[0m");
    }

    #[test]
    fn json_holds_no_control_character_and_says_the_same() {
        let json = "{\"text\":\"a\u{9b}31m\u{7f}\"}";
        let safe = escaped(json);
        assert_eq!(safe, r#"{"text":"a\u009b31m\u007f"}"#);
        assert!(!safe.chars().any(char::is_control));
    }
}
