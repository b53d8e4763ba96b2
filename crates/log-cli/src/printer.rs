//! Prints lines to standard output, as text that is safe for a terminal, or as JSON.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _, stdout};
use std::time::Duration;

use log_domain::Line;
use log_writer::{Ansi, LineAssembler, LineLimit, LineOptions};

use crate::environment::Environment;
use crate::style::{Color, Column, Style};

/// Prints lines.
pub(crate) struct LinePrinter {
    out: BufWriter<Stdout>,
    json: bool,
    columns: Vec<Column>,
    colors: bool,
}

impl LinePrinter {
    pub(crate) fn new(style: Style, env: Environment) -> Self {
        let auto = || {
            let is_dumb = env.get("TERM").is_some_and(|term| term == "dumb");
            stdout().is_terminal() && env.get("NO_COLOR").is_none() && !is_dumb
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

    /// Prints a line. If its text contains newlines, it is printed as several lines.
    pub(crate) fn print(&mut self, line: &Line) -> io::Result<()> {
        if self.json {
            let json = log_wire::line_json(line);
            let json = escape_control_characters(&String::from_utf8_lossy(&json));
            return writeln!(self.out, "{json}");
        }
        let text = line.text.as_deref().unwrap_or_default();
        for text in safe_lines(text, self.colors) {
            self.print_columns(line)?;
            if self.colors {
                writeln!(self.out, "{}", colored(line.source.as_deref(), &text))?;
            } else {
                writeln!(self.out, "{text}")?;
            }
        }
        Ok(())
    }

    /// Writes out everything that was printed.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Prints the columns before the text.
    fn print_columns(&mut self, line: &Line) -> io::Result<()> {
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

/// The lines of a text without terminal control sequences, except colours if they are wanted.
fn safe_lines(text: &str, colors: bool) -> Vec<String> {
    let options = LineOptions {
        // A line is printed as it is stored, however long it is.
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

/// A field for a column. It contains no white space, so that the columns can be told apart.
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

/// Colours a line by its source: lines of standard error and of the producer itself stand out.
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

/// The same JSON without control characters. JSON allows some control characters that a terminal obeys.
fn escape_control_characters(json: &str) -> String {
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
    fn control_sequences_are_removed_and_colours_are_kept_if_wanted() {
        let text = "\x1b]0;title\x07a\x1b[31mb\x1b[0m\x1b[2Jc\u{9b}5md\0e";
        assert_eq!(safe_lines(text, false), ["abcde"]);
        assert_eq!(safe_lines(text, true), ["a\x1b[31mb\x1b[0mc\u{1b}[5mde"]);
    }

    #[test]
    fn a_text_with_newlines_is_several_lines_and_an_empty_text_is_one() {
        assert_eq!(safe_lines("a\nb", false), ["a", "b"]);
        assert_eq!(safe_lines("10%\r99%", false), ["99%"]);
        assert_eq!(safe_lines("", false), [""]);
        let long = "x".repeat(100_000);
        assert_eq!(safe_lines(&long, false), [long]);
    }

    #[test]
    fn a_colour_ends_with_its_line() {
        assert_eq!(colored(Some("stdout"), "a"), "a");
        assert_eq!(colored(Some("stdout"), "\x1b[31ma"), "\x1b[31ma\x1b[0m");
        assert_eq!(colored(Some("stderr"), "a"), "\x1b[33ma\x1b[0m");
    }

    #[test]
    fn json_contains_no_control_characters_and_means_the_same() {
        let json = "{\"text\":\"a\u{9b}31m\u{7f}\"}";
        let safe = escape_control_characters(json);
        assert_eq!(safe, r#"{"text":"a\u009b31m\u007f"}"#);
        assert!(!safe.chars().any(char::is_control));
    }
}
